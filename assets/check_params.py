"""The settings under `checks`: what must hold before a subset becomes a version, and whether a failure blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from assets.section import Section
from assets.selection_params import shares

Share = Annotated[float, Field(ge=0, le=1)]


def _shares_or(*words: str) -> Callable[[Any], Any]:
    """Accepts one of the words, or shares by class that sum to 1."""

    def check(value: Any) -> Any:
        if value in words:
            return value
        if not isinstance(value, dict):
            raise ValueError(f"expected {', '.join(repr(word) for word in words)} or shares by class")
        return shares(value)

    return check


class ClassBalance(Section):
    """How far the classes of the subset may stray from the target."""

    target: Literal["auto", "pool", "equal"] | dict[str, Share] = "auto"  # auto: what `selected_subset.quota` asks for
    significance: Annotated[float, Field(gt=0, lt=1)] = 0.01
    tolerance: Annotated[float, Field(ge=0)] = 0.01  # in nats; a divergence below it is never a failure

    _shares = field_validator("target", mode="before")(_shares_or("auto", "pool", "equal"))


class Bias(Section):
    """How far source, length and attributes of the subset may stray from the pool."""

    significance: Annotated[float, Field(gt=0, lt=1)] = 0.01
    tolerance: Annotated[float, Field(ge=0)] = 0.1  # in nats; a divergence below it is never a failure
    length_bands: Annotated[int, Field(ge=2, le=20)] = 4


class Checks(Section):
    """What must hold before a subset becomes a version."""

    class_balance: ClassBalance = ClassBalance()
    bias: Bias = Bias()

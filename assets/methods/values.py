"""Single values of an item: as text, as a label or an attribute, and in what is said of an item that is unfit."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why an item is no record: a short countable reason and one sentence."""

    reason: str
    detail: str


class UnfitError(Exception):
    """Raised where an item turns out to be unfit; `unfit` says why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.unfit = Unfit(reason, detail)


def as_text(value: Any, what: str) -> str:
    """`value` if it is a text, else `UnfitError`, which calls it `what`. Nothing is converted."""
    if not isinstance(value, str):
        raise UnfitError("wrong_type", f"{what} must be text, not {kind_of(value)}")
    return value


def as_scalar(value: Any) -> str | None:
    """One value as text, or None for null and NaN, which is how pandas writes a missing value.

    Texts stay as they are; numbers and truth values are written as JSON does, but whole numbers always without a
    fraction: a column of classes 3 and 4 becomes one of 3.0 and 4.0 as soon as a value is missing. Dates and decimal
    numbers are written as Python does. Raises `UnfitError` for infinity, also of a number too big to hold, and bytes.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    if isinstance(value, (bool, int, float, list, dict)):
        return canonical(value)
    return _plain(value)


_EXACT = 2**53  # beyond it a float does not tell one whole number from the next


def canonical(value: Any) -> str:
    """`value` as JSON, the same for equal values. Raises `UnfitError` for what JSON cannot hold."""
    try:
        return json.dumps(
            value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False
        )
    except ValueError:
        raise UnfitError("not_finite", "a number is not finite: NaN, infinite or too big to hold") from None


def _plain(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        raise UnfitError("wrong_type", "bytes where a text or number is expected")
    return str(value)


def check_characters(text: str) -> None:
    """Refuse (`UnfitError`) what no table, tokenizer or terminal can hold: NUL and halves of surrogate pairs."""
    if "\0" in text:
        raise UnfitError("nul_character", "a text holds the NUL character (U+0000)")
    if not text.isascii() and (found := _SURROGATE.search(text)):
        raise UnfitError("lone_surrogate", f"a text holds half a character (U+{ord(found[0]):04X})")


def listed(value: Mapping[str, Any]) -> str:
    """The names of the columns, safe to show, the first twelve of them."""
    names = [shown(name) for name in list(value)[:12]]
    return ", ".join(names) + (f" and {len(value) - 12} more" if len(value) > 12 else "") if names else "no columns"


def shown(value: Any) -> str:
    """`value` in quotes, safe to show, its beginning if it is long."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= 40 else text[:37] + "..."
    return f"'{text}'" if text.isprintable() else ascii(text)


def kind_of(value: Any) -> str:
    """What `value` is, in JSON's words."""
    for kinds, name in _KINDS:
        if isinstance(value, kinds):
            return name
    return type(value).__name__


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a text"),
    (list, "a list"),
    (dict, "an object"),
)

"""The settings of a filter: what a column must be for a row to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assets.methods.filtering import Condition, check_pattern
from assets.methods.values import UnfitError, as_scalar
from assets.section import Section

_VALUES = "a text, number, truth value or null"


class Rule(Section):
    """What one column must be; all that is stated must hold. `params.yaml` writes `among` as a value or a list."""

    among: tuple[str | None, ...] | None = None
    not_among: tuple[str | None, ...] | None = None  # `not`
    min: float | None = None
    max: float | None = None
    contains: str | None = None
    matches: str | None = None  # a regular expression in RE2's syntax, found anywhere

    def condition(self, column: str) -> Condition:
        """The rule as the condition of a column."""
        return Condition(column, self.among, self.not_among, self.min, self.max, self.contains, self.matches)


def rules(written: Any) -> Any:
    """The rules of `filter: {column: value | [values] | {not, min, max, contains, matches}}`, by column.

    Raises `ValueError`, which names the column and says what would be right.
    """
    if not isinstance(written, Mapping):
        raise ValueError("expected columns and what they must be, such as {lang: en}")
    return {_name(column): _rule(f"'{column}'", rule) for column, rule in written.items()}


def _name(column: Any) -> str:
    if not isinstance(column, str):
        raise ValueError(f"expected the column {column!r} in quotes, as a text")
    return column


def _rule(column: str, written: Any) -> Rule:
    if isinstance(written, Rule):
        return written
    if not isinstance(written, Mapping):
        return Rule(among=_values(column, written))
    if not written or (unknown := [name for name in written if name not in _OPERATORS]):
        known = f"a value, a list of values, or a section with {', '.join(_OPERATORS)}"
        raise ValueError(f"expected for {column} {known}" + (f"; '{unknown[0]}' is none of these" if written else ""))
    stated = {
        "not_among" if name == "not" else name: _OPERATORS[name](column, value) for name, value in written.items()
    }
    if "min" in stated and "max" in stated and stated["min"] > stated["max"]:
        raise ValueError(f"expected for {column} a min ({stated['min']:g}) of at most its max ({stated['max']:g})")
    return Rule(**stated)


def _values(column: str, written: Any) -> tuple[str | None, ...]:
    values = written if isinstance(written, (list, tuple)) else [written]
    if not values:
        raise ValueError(f"expected for {column} at least one value")
    return tuple(_value(column, value) for value in values)


def _value(column: str, value: Any) -> str | None:
    if isinstance(value, (list, tuple, Mapping)):
        raise ValueError(f"expected for {column} {_VALUES}")
    try:
        return as_scalar(value)
    except UnfitError as error:
        raise ValueError(f"expected for {column} {_VALUES}: {error}") from None


def _number(column: str, value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"expected for {column} a number as min or max")
    return float(value)


def _text(column: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected for {column} a text in `contains` and `matches`")
    return value


def _pattern(column: str, value: Any) -> str:
    if fault := check_pattern(_text(column, value)):
        raise ValueError(f"expected for {column} a regular expression that RE2 knows ({fault})")
    return str(value)


_OPERATORS: dict[str, Callable[[str, Any], Any]] = {
    "not": _values,
    "min": _number,
    "max": _number,
    "contains": _text,
    "matches": _pattern,
}

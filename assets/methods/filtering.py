"""Filters: conditions that the columns of an item must meet for it to be read as a record.

They look at the columns as the data have them, before any format does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.methods.rows import Item, Reject
from assets.methods.values import UnfitError, as_json, as_scalar, shown


@dataclass(frozen=True, slots=True)
class Condition:
    """What one column must be; None stands for no such condition, except inside `among` and `not_among`.

    Values are compared as texts, as `values.as_scalar` writes them: 3, 3.0 and "3" are the same, true is "true", and a
    list is its JSON. A column that is missing, null or NaN is None, which only `among` and `not_among` can let pass.
    """

    column: str
    among: tuple[str | None, ...] | None = None
    not_among: tuple[str | None, ...] | None = None
    least: float | None = None
    most: float | None = None
    contains: str | None = None
    matches: str | None = None  # RE2, found anywhere: linear in the text whatever the pattern

    def __str__(self) -> str:
        parts = [
            "" if self.among is None else _one_of(self.among),
            "" if self.not_among is None else f"not {_one_of(self.not_among)}",
            "" if self.least is None else f"at least {self.least:g}",
            "" if self.most is None else f"at most {self.most:g}",
            "" if self.contains is None else f"contains {shown(self.contains)}",
            "" if self.matches is None else f"matches {shown(self.matches)}",
        ]
        return " and ".join(part for part in parts if part)

    def passes(self, value: str | None) -> bool:
        """Whether a column with this value meets the condition. Cost: linear in the value."""
        if self.among is not None and value not in self.among:
            return False
        if self.not_among is not None and value in self.not_among:
            return False
        if self.least is None and self.most is None and self.contains is None and self.matches is None:
            return True
        return value is not None and self._holds_in(value)

    def _holds_in(self, value: str) -> bool:
        if self.least is not None or self.most is not None:
            number = _number(value)
            low = -math.inf if self.least is None else self.least
            high = math.inf if self.most is None else self.most
            if not low <= number <= high:  # also where it is not a number
                return False
        if self.contains is not None and self.contains not in value:
            return False
        return self.matches is None or _found(self.matches, value)


def filtered(item: Item, conditions: Sequence[Condition]) -> Reject | None:
    """The entry in the ledger of an item that does not meet all `conditions`, else None."""
    for condition in conditions:
        try:
            value = as_scalar(item.value.get(condition.column))
        except UnfitError:  # infinity or bytes
            value = str(item.value[condition.column])
        if not condition.passes(value):
            what = "nothing" if value is None else shown(value)
            detail = f"the column {shown(condition.column)} is {what}; the filter asks for: {condition}"
            return Reject(item.line, "filtered", detail, text_of(item.value), value, str(condition), "filter")
    return None


def text_of(value: Mapping[str, Any]) -> str:
    """An item as the text that is shown of it: JSON, whatever it holds."""
    try:
        return as_json(value)
    except UnfitError:
        return repr(value)


def check_pattern(pattern: str) -> str | None:
    """What is wrong with a regular expression of RE2, in one line, or None."""
    try:
        _found(pattern, "")
    except (pa.ArrowInvalid, UnicodeEncodeError) as error:
        return str(error).splitlines()[0]
    return None


def _found(pattern: str, value: str) -> bool:
    try:
        text = pa.scalar(value)
    except UnicodeEncodeError:  # half a character, which nothing matches
        return False
    return bool(pc.match_substring_regex(text, pattern).as_py())


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _one_of(values: Sequence[str | None]) -> str:
    names = ["nothing" if value is None else shown(value) for value in values]
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"

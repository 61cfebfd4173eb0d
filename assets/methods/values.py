"""Single values of an item: as text, as a label or an attribute, and in what is said of an item that is unfit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The C0 controls but for backspace, tab, line feed, vertical tab, form feed and carriage return; and DEL.
_REFUSED = bytes([*range(8), *range(14, 32), 127])


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
    return _json(value, sort_keys=True)


def as_json(value: Any) -> str:
    """`value` as JSON, its keys in their own order. Raises `UnfitError` for what JSON cannot hold."""
    return _json(value, sort_keys=False)


def _json(value: Any, sort_keys: bool) -> str:
    try:
        return json.dumps(
            value, sort_keys=sort_keys, ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False
        )
    except ValueError:
        raise UnfitError("not_finite", "a number is not finite: NaN, infinite or too big to hold") from None


def _plain(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        raise UnfitError("wrong_type", "bytes where a text or number is expected")
    return str(value)


def check_characters(text: str) -> None:
    """Refuse (`UnfitError`) what no table can hold, or no tokenizer and terminal should meet.

    - NUL (`nul_character`) and halves of surrogate pairs (`lone_surrogate`): no table or file of UTF-8 holds them.
    - Other control characters (`control_character`): the C0 range and DEL. They are what is left of a binary file, or
      steer a terminal.

    Let through, because sound texts do hold them: white space (tab, line feed, carriage return, vertical tab, form
    feed); the backspace, which an editor leaves behind, and which, like the form feed, JSON makes of a LaTeX command
    whose backslash stands alone (`\\frac`, `\\beta`); and the C1 range, which is what a dash or a quotation mark of
    Windows-1252 becomes when it is read as Latin-1. Cost: two passes over the UTF-8 bytes, about 1 ns a byte.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise UnfitError("lone_surrogate", f"a text holds half a character (U+{ord(text[error.start]):04X})") from None
    if len(data.translate(None, _REFUSED)) == len(data):  # no byte of a longer character is one of these
        return
    found = next(byte for byte in data if byte in _REFUSED)
    if found == 0:
        raise UnfitError("nul_character", "a text holds the NUL character (U+0000)")
    raise UnfitError("control_character", f"a text holds the control character U+{found:04X}")


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

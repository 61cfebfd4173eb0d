"""JSON values as rows: one object a line, and the elements of arrays.

Tolerant by choice, as Python's own parser: NaN and Infinity are numbers; of two equal keys the last one counts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson

from assets.methods.json_window import beyond, check_nesting
from assets.methods.rows import Item, Reject, Row

_PLAIN = frozenset({str, int, bool, type(None)})
_EXACT = 2.0**63  # orjson makes a float of a whole number beyond it; Python has them whole


def json_line(number: int, line: str, header: Sequence[str] | None = None) -> Row:
    """The row that stands on one line, or why there is none. `header`: a list is a row, too, and these its columns."""
    try:
        value = loads(line)
    except json.JSONDecodeError as error:
        fault = error.msg.removesuffix(" at")
        return Reject(number, "not_json", f"{fault} at character {error.pos + 1}", line.rstrip())
    except (ValueError, RecursionError) as error:
        return Reject(number, "not_json", beyond(error), line.rstrip())
    if type(value) is dict:
        return Item(number, value)
    return element_row(number, value, line.rstrip(), "{" if header is None else "{[", header)


def loads(text: str) -> Any:
    """As `json.loads`, with a bound on nesting (`RecursionError`): by orjson, which is quicker, where they agree.

    Where orjson gives up (NaN, Infinity, half a surrogate pair, damage) or has rounded a long whole number, Python's
    own parser has the last word.
    """
    try:
        value = orjson.loads(text)
        if _is_rounded(value):
            value = json.loads(text)
    except ValueError:
        value = json.loads(text)
    check_nesting(value, text)
    return value


def _is_rounded(value: Any) -> bool:
    level = [value]
    while level:
        inner: list[Any] = []
        for outer in level:
            values = outer.values() if type(outer) is dict else outer if type(outer) is list else (outer,)
            if not _PLAIN.issuperset(map(type, values)):
                for each in values:
                    if type(each) is float:
                        if abs(each) >= _EXACT:
                            return True
                    elif type(each) in (dict, list):
                        inner.append(each)
        level = inner
    return False


def is_object(line: str) -> bool:
    """Whether `line` holds a JSON object and nothing else."""
    return _is(dict, line)


def is_list(line: str) -> bool:
    """Whether `line` holds a JSON list and nothing else."""
    return line.rstrip().endswith("]") and _is(list, line)


def _is(kind: type, line: str) -> bool:
    try:
        return isinstance(json.loads(line), kind)
    except (ValueError, RecursionError):
        return False


def element_row(
    line: int,
    value: Any,
    text: str,
    starts: str = "{",
    header: Sequence[str] | None = None,
    key: str | None = None,
) -> Row:
    """An element of an array as a row; `text` is how it is written, `key` the name of the array.

    `starts`: how a row may begin; an object is one as it is, a list only with "[", a text with '"' in it. A list has
    the columns of `header`, else "0", "1", and so on; a text has the column `text`. The column `key` is added where
    there is none of that name.
    """
    if isinstance(value, list) and "[" in starts:
        if header is not None and len(value) != len(header):
            detail = f"{len(value)} values where `header` has {len(header)} names"
            return Reject(line, "wrong_field_count", detail, text)
        value = dict(zip(header or map(str, range(len(value))), value, strict=True))
    elif isinstance(value, str) and '"' in starts:
        value = {"text": value}
    if not isinstance(value, dict):
        return Reject(line, "not_an_object", f"expected an object with named columns, not {_KINDS[type(value)]}", text)
    if key is not None:
        value.setdefault("key", key)
    return Item(line, value)


_KINDS = {
    list: "a list",
    str: "a text",
    bool: "true or false",
    type(None): "null",
    int: "a number",
    float: "a number",
}

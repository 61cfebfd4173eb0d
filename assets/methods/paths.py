"""Columns inside columns: `answers.text` is the key `text` of the column `answers`, `turns.0` the first of its list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_NOT_THERE = object()


def add_reached(value: dict[str, Any], paths: Iterable[str]) -> None:
    """Add to an item, under the whole name, what each path leads to; where it leads nowhere, nothing is added.

    A column that bears the whole name, dots and all, stays what it is. Positions in lists count from 0, from the end
    if negative.
    """
    for path in paths:
        if path not in value and (found := _reached(value, path)) is not _NOT_THERE:
            value[path] = found


def _reached(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.removeprefix("-").isdecimal() and -len(value) <= int(part) < len(value):
            value = value[int(part)]
        else:
            return _NOT_THERE
    return value

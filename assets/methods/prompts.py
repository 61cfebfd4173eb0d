"""Prompts made of named parts: how parts become one text, and how the text is taken apart again.

The place of each part is kept as `fields`, a JSON object of name -> [start, end), in characters of the record's last
user turn. So a step that looks at one part (an answer that repeats the input) or changes the text can follow it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from assets.methods.values import UnfitError, as_json

_GLUE = "\n"


def compose(parts: Sequence[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    """Named parts, the empty ones left out, joined by line ends; and `fields` where there are two or more."""
    kept = [(name, text) for name, text in parts if text]
    content = _GLUE.join(text for _, text in kept)
    if len(kept) < 2:
        return content, {}
    fields, start = {}, 0
    for name, text in kept:
        fields[name] = [start, start + len(text)]
        start += len(text) + len(_GLUE)
    return content, {"fields": as_json(fields)}


def fields_of(extras: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """The places of the parts, in the order in which they stand in the text; empty if the text has no parts."""
    fields = json.loads(extras.get("fields", "{}"))
    return {name: (start, end) for name, (start, end) in sorted(fields.items(), key=lambda field: field[1])}


def take_apart(content: str, extras: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The parts of `content` that `compose` joined, some of `names`; empty if `fields` is not there or has others.

    Raises `UnfitError` (`stale_fields`) where `fields` does not fit `content`: the text was changed without it.
    """
    fields = fields_of(extras)
    if not fields or not fields.keys() <= set(names):
        return {}
    parts = {name: content[start:end] for name, (start, end) in fields.items()}
    if compose(list(parts.items())) != (content, {"fields": as_json({n: list(place) for n, place in fields.items()})}):
        raise stale(list(fields))
    return parts


def stale(names: Sequence[str]) -> UnfitError:
    """Says that the parts `names` can no longer be told apart."""
    return UnfitError("stale_fields", f"the prompt was changed; its parts ({', '.join(names)}) cannot be told apart")

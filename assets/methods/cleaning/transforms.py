"""Changing the texts of records while everything that points into them stays right.

`extras["fields"]` names parts of a record's last user turn by character ranges. A turn that has them is changed part
by part, so that the new ranges are exact.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.methods.cleaning import extras
from assets.methods.cleaning.utf8 import Mask, edit, has_blank_end, mask
from assets.methods.conversations import Conversations

Change = Callable[[pa.StringArray], pa.StringArray]
Ranges = dict[str, tuple[int, int]]


def transform_texts(
    batch: Conversations, change: Change, *, trim: bool = False, turns: Mask | None = None
) -> Conversations:
    """`batch` with `change` applied to its turns, or to those of `turns` (m,), and `fields` moved along.

    `change` maps k texts to k texts. `trim` then strips white space at both ends of a turn, never inside at the ends
    of a part. A part that becomes empty loses its range, and ranges that are not at least two are left out, since
    they would say nothing. Where nothing changes, the batch itself is returned.
    Cost: that of `change`, and a loop over the changed turns that have parts.
    """

    def whole(texts: pa.StringArray) -> pa.StringArray:
        return trimmed(change(texts)) if trim else change(texts)

    contents = edit(batch.contents, turns, whole) if turns is not None else whole(batch.contents)
    if contents is batch.contents:
        return batch
    changed = mask(pc.not_equal(contents, batch.contents))
    if not changed.any():
        return batch
    rows, fields = extras.lookup(batch.extras, "fields")
    asked = batch.question_turns[rows]
    touched = np.flatnonzero((asked >= 0) & changed[asked])
    if not len(touched):
        return dataclasses.replace(batch, contents=contents)
    old = batch.contents.take(pa.array(asked[touched])).to_pylist()
    known = [json.loads(text) for text in fields.take(pa.array(touched)).to_pylist()]
    texts, ranges = _by_parts(old, known, change, trim)
    places = np.zeros(len(contents), dtype=bool)
    places[asked[touched]] = True
    # Rows are in order and each has one last user turn, so these turns are in order, too.
    contents = pc.replace_with_mask(contents, pa.array(places), pa.array(texts, pa.string()))
    new = [json.dumps(named, ensure_ascii=False, separators=(",", ":")) if len(named) > 1 else None for named in ranges]
    moved = extras.replaced(batch.extras, "fields", rows[touched], new)
    return dataclasses.replace(batch, contents=contents, extras=moved)


def trimmed(texts: pa.StringArray) -> pa.StringArray:
    """`texts` without white space at their ends, as `str.strip` does it."""
    return edit(texts, has_blank_end(texts), pc.utf8_trim_whitespace)


def _by_parts(
    texts: Sequence[str], fields: Sequence[Ranges], change: Change, trim: bool
) -> tuple[list[str], list[Ranges]]:
    """Each text cut at the ends of its ranges, changed piece by piece and put together; and the ranges in it."""
    bounds = [
        sorted({0, len(text), *(min(place, len(text)) for pair in named.values() for place in pair)})
        for text, named in zip(texts, fields, strict=True)
    ]
    cut = [text[a:b] for text, places in zip(texts, bounds, strict=True) for a, b in itertools.pairwise(places)]
    pieces = iter(change(pa.array(cut, pa.string())).to_pylist())
    new_texts, new_fields = [], []
    for text, places, named in zip(texts, bounds, fields, strict=True):
        parts = [next(pieces) for _ in places[1:]]
        ends = [0, *np.cumsum([len(part) for part in parts], dtype=int).tolist()]
        joined = "".join(parts)
        lead = len(joined) - len(joined.lstrip()) if trim else 0
        joined = joined.strip() if trim else joined
        moved = {place: min(max(end - lead, 0), len(joined)) for place, end in zip(places, ends, strict=True)}
        ranges = {name: [moved[min(place, len(text))] for place in pair] for name, pair in named.items()}
        new_texts.append(joined)
        new_fields.append({name: (start, end) for name, (start, end) in ranges.items() if start < end})
    return new_texts, new_fields

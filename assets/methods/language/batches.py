"""Which sequences share a forward pass, decided as they come, so that rows are finished soon.

As in `passes.py`, a sequence is padded to a length of its own, all passes of one padded length have one number of rows,
and so no bit of a score depends on the company. There the passes of a length follow each other; here a pass goes off
as soon as it is full, because a row may have sequences of many lengths and is finished by the last of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.methods.passes import padded_length

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """One pass: (b,) sequences, the token of each that is masked (-1: none), and the shape they are padded to."""

    sequences: Indices
    masked: Indices
    rows: int
    length: int
    source: int  # the padded length of sources; 0 where there are none


def gather(
    items: Iterable[tuple[int, int]], lengths: Indices, sources: Indices, limit: int, pass_tokens: int
) -> Iterator[Batch]:
    """Passes over `items` (sequence, masked token), each in exactly one; those that are never filled come last.

    `lengths`, `sources`: (s,) tokens of each sequence and of its source. Memory: one unfilled pass for each shape.
    """
    waiting: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for item in items:
        length, source = (min(padded_length(int(sizes[item[0]])), limit) for sizes in (lengths, sources))
        # Pairs have many shapes; coarser sources make them fewer.
        source = min(padded_length(-(-source // 32) * 32), limit)
        group = waiting.setdefault((length, source), [])
        group.append(item)
        rows = max(1, pass_tokens // (length + source))
        if len(group) == rows:
            yield _batch(waiting.pop((length, source)), rows, length, source)
    for (length, source), group in sorted(waiting.items(), reverse=True):
        yield _batch(group, max(1, pass_tokens // (length + source)), length, source)


def _batch(group: list[tuple[int, int]], rows: int, length: int, source: int) -> Batch:
    pairs = np.array(group, np.int64)
    return Batch(pairs[:, 0], pairs[:, 1], rows, length, source)

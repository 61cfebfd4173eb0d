"""Edit similarity to a target set: which item takes the fewest edits to become a row (Levenshtein)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.similarity.nearest import Nearest, Texts, as_arrow, some_items, strips
from assets.methods.threads import usable_cores
from assets.progress import Advance

MAX_CHARS = 100_000
_STRIP_NUMBERS = 1_000_000  # similarities held at once: 8 MB


@dataclass(frozen=True)
class Edits:
    """How alike the rows are to the items, and which of them were not compared.

    `too_long`: (t,) int64, ascending, the rows above the limit; their `best` and `mean` are NaN and their `item` is -1.
    """

    nearest: Nearest
    too_long: npt.NDArray[np.int64]


def edit_similarity(
    texts: Texts,
    targets: Texts,
    max_chars: int = MAX_CHARS,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Edits:
    """1 - Levenshtein distance / length of the longer text, for each row and item: 0 to 1, higher = more alike.

    Every character counts, case and white space too. A text without characters is like nothing, not even another one:
    0. Texts are compared whole: what is cut off would count as equal. The limit only guards against a text of millions
    of characters: a row above `max_chars` is not compared and is in `too_long`; an item above it raises `DataError`, as
    does a set without items. `advance` is told the rows of each finished strip.

    The same on any number of threads (default: one a core). Cost: for each row and item, the product of their lengths
    / 64 steps; 52,000 rows of 300 characters to 80 items of 200 take some 4 G steps. Memory: 8 MB, and the texts.
    """
    some_items(len(targets))
    items = [text or "" for text in as_arrow(targets).to_pylist()]
    for number, item in enumerate(items):
        if len(item) > max_chars:
            raise DataError(f"target {number} has {len(item):,} characters: expected at most {max_chars:,}")
    pool, workers = as_arrow(texts), threads or usable_cores()
    parts, too_long = [], []
    for rows in strips(len(pool), max(1, _STRIP_NUMBERS // len(items))):
        strip = [text or "" for text in pool[rows].to_pylist()]
        long = np.array([len(text) > max_chars for text in strip], dtype=np.bool_)
        parts.append(_compare(["" if len(text) > max_chars else text for text in strip], items, long, workers))
        too_long.append(np.flatnonzero(long) + rows.start)
        advance(len(strip))
    return Edits(Nearest.joined(parts), np.concatenate(too_long) if too_long else np.empty(0, np.int64))


def _compare(strip: list[str], items: list[str], long: npt.NDArray[np.bool_], workers: int) -> Nearest:
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    found = cdist(strip, items, scorer=Levenshtein.normalized_similarity, dtype=np.float64, workers=workers)
    found[np.array([not text for text in strip])] = 0.0  # two empty texts are equal, but nothing in them is alike
    item = found.argmax(axis=1)
    nearest = Nearest(found[np.arange(len(strip)), item], found.mean(axis=1), item.astype(np.int64))
    nearest.best[long], nearest.mean[long], nearest.item[long] = np.nan, np.nan, -1
    return nearest

"""Jaccard similarity to a target set: which item shares the largest part of its shingles with a row.

The size of the intersection of two sets of shingles over that of their union. An index from the shingles of the few
target items to the items stands in for the comparison of every row with every item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.methods.dedup.shingles import Shingles, shingle
from assets.methods.similarity.characters import character_shingles
from assets.methods.similarity.nearest import Nearest, Texts, as_arrow, some_items, strip_of, strips
from assets.methods.threads import Threads
from assets.methods.tokens import Hashes, Rows, Tokens
from assets.progress import Advance


def word_jaccard(
    texts: Texts,
    targets: Texts,
    words: int = 1,
    characters: int = 2,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Nearest:
    """The Jaccard similarity of each text to the target items, by runs of words: 0 to 1, higher = more alike.

    A shingle is a run of `words` words or, in scripts without spaces, of `characters` characters (see
    `dedup.shingles`); case and punctuation do not count. A text without words is like nothing: 0. Longer runs also ask
    for the same order. `advance` is told the rows of each finished strip.

    Raises `DataError` for no items and for runs of nothing. Cost: linear in the words, and one step for each item that
    holds a shingle of a row: at most the size of the row x m. Memory: the shingles of a strip of rows for each thread.
    """
    return _jaccard(texts, targets, lambda part: shingle(Tokens.of(part), words, characters), threads, advance)


def character_jaccard(
    texts: Texts,
    targets: Texts,
    characters: int = 5,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Nearest:
    """The Jaccard similarity of each text to the target items, by runs of characters: 0 to 1, higher = more alike.

    A shingle is a run of `characters` characters of the case-folded text, in which any white space is one space (see
    `characters`). Forgives misspelt and inflected words, and sees punctuation. Otherwise as `word_jaccard`, at about
    the letters of a word times its cost.
    """
    return _jaccard(texts, targets, lambda part: character_shingles(part, characters), threads, advance)


def _jaccard(
    texts: Texts,
    targets: Texts,
    cut: Callable[[pa.StringArray], Shingles],
    threads: int | None,
    advance: Advance,
) -> Nearest:
    some_items(len(targets))
    pool = as_arrow(texts)
    index = TargetIndex.of(cut(strip_of(as_arrow(targets), slice(None))))

    def compare(rows: slice) -> Nearest:
        found = index.nearest(cut(strip_of(pool, rows)))
        advance(len(found))
        return found

    return Nearest.joined(Threads(threads).map(compare, strips(len(pool))))


@dataclass(frozen=True)
class TargetIndex:
    """The distinct shingles of m items, and which items hold each. Memory: about 24 bytes a shingle of an item."""

    grams: Hashes  # (g,) the distinct shingles, ascending
    starts: Rows  # (2**b + 1,) where in `grams` those begin whose highest b bits are 0, 1, ...; about one gram each
    holder_offsets: Rows  # (g + 1,) where the items that hold a shingle begin in
    holders: Rows  # ascending for each shingle
    sizes: Rows  # (m,) the shingles of each item

    @classmethod
    def of(cls, items: Shingles) -> TargetIndex:
        """Index the shingles of the items."""
        sizes = np.diff(items.offsets)
        grams, numbers = np.unique(items.values, return_inverse=True)
        holders = np.repeat(np.arange(len(items)), sizes)[np.argsort(numbers, kind="stable")]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=len(grams)))])
        bits = max(1, len(grams).bit_length())
        heads = (grams >> np.uint64(64 - bits)).astype(np.int64)
        starts = np.searchsorted(heads, np.arange(2**bits + 1))
        return cls(grams, starts.astype(np.int64), offsets.astype(np.int64), holders, sizes)

    def nearest(self, rows: Shingles) -> Nearest:
        """The Jaccard similarity of each row to the items. One core, without the GIL."""
        return Nearest(*_nearest(rows.values, rows.offsets, *self._data))

    @property
    def _data(self) -> tuple[Hashes, Rows, Rows, Rows, Rows]:
        return self.grams, self.starts, self.holder_offsets, self.holders, self.sizes


@numba.njit(cache=True, nogil=True)
def _nearest(
    values: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    grams: npt.NDArray[np.uint64],
    starts: npt.NDArray[np.int64],
    holder_offsets: npt.NDArray[np.int64],
    holders: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    rows, items = len(offsets) - 1, len(sizes)
    best, mean, nearest = np.zeros(rows), np.zeros(rows), np.zeros(rows, np.int64)
    shared = np.zeros(items, np.int64)
    met = np.empty(items, np.int64)  # the items that share anything with the row
    shift = np.uint64(64)
    slots = len(starts) - 1
    while slots > 1:
        shift -= np.uint64(1)
        slots //= 2
    for row in range(rows):
        count = 0
        for value in values[offsets[row] : offsets[row + 1]]:
            head = np.int64(value >> shift)
            for gram in range(starts[head], starts[head + 1]):
                if grams[gram] == value:
                    for place in range(holder_offsets[gram], holder_offsets[gram + 1]):
                        item = holders[place]
                        if shared[item] == 0:
                            met[count] = item
                            count += 1
                        shared[item] += 1
        total = 0.0
        for item in met[:count]:
            similarity = shared[item] / (offsets[row + 1] - offsets[row] + sizes[item] - shared[item])
            total += similarity
            if similarity > best[row] or (similarity == best[row] and item < nearest[row]):
                best[row], nearest[row] = similarity, item
            shared[item] = 0
        mean[row] = total / items
    return best, mean, nearest

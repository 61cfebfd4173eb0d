"""An index that is asked only about rows that can have something like them at all, which are few in most pools."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assets.methods.dedup.buckets import Shared
from assets.methods.dedup.greedy import KeptIndex, Matches, Pairs, Rows
from assets.methods.dedup.minhash import Bands


class PartialIndex:
    """`index` for the rows where `asked` (n,) is true; the others repeat nothing and nothing repeats them."""

    def __init__(self, index: KeptIndex, asked: npt.NDArray[np.bool_]) -> None:
        self._index, self._asked = index, asked

    @property
    def name(self) -> str:
        """That of the inner index."""
        return self._index.name

    def find(self, rows: Rows) -> Matches:
        """As the inner index; no match for a row that it is not asked about."""
        inside = np.flatnonzero(self._asked[rows])
        kept, similarity = np.full(len(rows), -1, dtype=np.int64), np.zeros(len(rows))
        if len(inside):
            found = self._index.find(rows[inside])
            kept[inside], similarity[inside] = found.kept, found.similarity
        return Matches(kept, similarity)

    def within(self, rows: Rows) -> Pairs:
        """As the inner index, among the rows that it is asked about."""
        inside = np.flatnonzero(self._asked[rows])
        pairs = self._index.within(rows[inside])
        return Pairs(inside[pairs.first], inside[pairs.second], pairs.similarity)

    def add(self, rows: Rows) -> None:
        """Note that `rows` are kept."""
        self._index.add(rows[self._asked[rows]])


def shared_bands(bands: Bands) -> Shared:
    """(n, b) whether a row agrees with any other in a band: only by such bands can it be found, or find others.

    `bands`: (n, b), may be a memory map. Cost: sorting n numbers b times. Memory: b bytes a row, and 20 meanwhile.
    """
    found = np.zeros(bands.shape, dtype=np.bool_)
    for band in range(bands.shape[1]):
        values = np.ascontiguousarray(bands[:, band])
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        same = ordered[1:] == ordered[:-1]
        shared = np.zeros(len(values), dtype=np.bool_)
        shared[order[1:][same]] = True
        shared[order[:-1][same]] = True
        found[:, band] = shared
    return found

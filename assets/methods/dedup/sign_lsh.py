"""Semantic duplicates of large pools: rows in the same bucket of some hash table are compared, most others never meet.

How many tables there are, and what of, is for `sign_tables` to say.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.dedup.greedy import Matches, Pairs, Rows, Similarities
from assets.methods.dedup.heads import Vectors
from assets.methods.dedup.semantic import CosineIndex, Groups, cosine
from assets.methods.dedup.sign_tables import Tables, hash_rows

RECALL = 0.9995  # of a pair whose cosine is the threshold itself; more for all others

_TASK_ROWS = 512
_TASK_TABLES = 8


class SignIndex:
    """The semantic duplicates among n rows (see `KeptIndex`), nearly all of them: of pairs at the threshold `recall`.

    What it reports is right: the cosine decides, as in `CosineIndex`, which it is a stand-in for where that would take
    too long. It may miss a pair, so rows that stay may repeat each other; `residual` estimates how many. Pairs of one
    question (`within`) and pairs of rows near the center (see `Tables`) are all found. Not dependent on threads.

    Cost: O(n d k L) to hash, then for each row L looks into a table, and the rows it meets there: for each of those a
    comparison of 256 signs and, for the few that agree in enough of them, a cosine.
    Memory, beside the vectors and what `CosineIndex` takes: 16 L + 73 bytes a row, and 8 L 2^k bytes.
    """

    name = "semantic"

    def __init__(self, exact: CosineIndex, tables: Tables, seed: int = 0) -> None:
        self.exact, self.tables, self.recall = exact, tables, tables.recall
        self._hashes = hash_rows(exact.vectors, exact.heads.scales, tables, seed, exact.threads)
        rows = len(exact.vectors)
        self._starts = np.zeros((tables.tables, (1 << tables.planes) + 1), dtype=np.int32)
        self._by_table(lambda first, last: _starts(self._hashes.buckets, self._starts, first, last))
        self._ends = self._starts[:, :-1].copy()
        self._entries = np.empty((tables.tables, rows), dtype=np.int32)
        self._first_signs = np.empty((tables.tables, rows), dtype=np.uint64)
        self._kept = np.empty(rows, dtype=np.int64)
        self._kept_signs = np.empty_like(self._hashes.signs)
        self._count = 0

    def _by_table(self, function: Callable[[int, int], None]) -> None:
        count = self.tables.tables
        self.exact.threads.map(
            lambda first: function(first, min(first + _TASK_TABLES, count)), range(0, count, _TASK_TABLES)
        )

    def find(self, rows: Rows) -> Matches:
        """For each of `rows` the most similar kept row among those that it meets; of equals the one kept first."""

        def search(start: int) -> tuple[Rows, Similarities]:
            return _meet(
                rows[start : start + _TASK_ROWS], self._hashes.buckets, self._hashes.signs, self._starts, self._ends,
                self._entries, self._first_signs, self._kept, self._kept_signs, *self.tables.differing,
                self.exact.least, self.exact.vectors, self.exact.heads.scales, self.exact.groups,
            )  # fmt: skip

        parts = self.exact.threads.map(search, range(0, len(rows), _TASK_ROWS))
        kept = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
        similarity = np.concatenate([np.empty(0), *(part[1] for part in parts)])
        central = np.flatnonzero(self._hashes.central[rows])
        if len(central):
            direct = self.exact.find(rows[central])
            better = direct.similarity > similarity[central]
            kept[central[better]] = direct.kept[better]
            similarity[central[better]] = direct.similarity[better]
        return Matches(kept, similarity)

    def within(self, rows: Rows) -> Pairs:
        """All pairs among `rows` that repeat each other, found directly."""
        return self.exact.within(rows)

    def add(self, rows: Rows) -> None:
        """Note that `rows` are kept."""
        self.exact.add(rows[self._hashes.central[rows]])
        rows = rows[self.exact.heads.scales[rows] > 0]  # the others repeat nothing, and would share one bucket
        entries = slice(self._count, self._count + len(rows))
        self._kept[entries], self._kept_signs[entries] = rows, self._hashes.signs[rows]
        self._by_table(
            lambda first, last: _enter(
                rows, self._count, self._hashes.buckets, self._hashes.signs, first, last,
                self._ends, self._entries, self._first_signs,
            )
        )  # fmt: skip
        self._count += len(rows)


def index_for(
    vectors: Vectors,
    threshold: float,
    groups: Groups | None = None,
    seed: int = 0,
    exact_up_to: int = 100_000,
    recall: float = RECALL,
    threads: int | None = None,
) -> CosineIndex | SignIndex:
    """The index for a pool: exact up to so many rows, and above wherever that is cheaper; its `recall` says which.

    Arguments and errors as for `CosineIndex`. If `residual` finds too much, a `recall` nearer to 1 makes more tables.
    """
    exact = CosineIndex(vectors, threshold, groups, seed, threads)
    if len(exact.vectors) <= exact_up_to:
        return exact
    tables = Tables.plan(exact.vectors, exact.heads.scales, threshold, recall, seed)
    if tables is None or tables.cost >= exact.heads.cost * len(exact.vectors) / 2:
        return exact
    return SignIndex(exact, tables, seed)


@numba.njit(cache=True, nogil=True)
def _starts(buckets: npt.NDArray[np.uint32], starts: npt.NDArray[np.int32], first: int, last: int) -> None:
    """Room in each bucket of a table for all rows that belong there: bucket b begins at `starts[table, b]`."""
    for table in range(first, last):
        for row in range(len(buckets)):
            starts[table, buckets[row, table] + 1] += 1
        for bucket in range(1, starts.shape[1]):
            starts[table, bucket] += starts[table, bucket - 1]


@numba.njit(cache=True, nogil=True)
def _enter(
    rows: npt.NDArray[np.int64],
    count: int,
    buckets: npt.NDArray[np.uint32],
    signs: npt.NDArray[np.uint64],
    first: int,
    last: int,
    ends: npt.NDArray[np.int32],
    entries: npt.NDArray[np.int32],
    first_signs: npt.NDArray[np.uint64],
) -> None:
    for table in range(first, last):
        for place in range(len(rows)):
            bucket = buckets[rows[place], table]
            slot = ends[table, bucket]
            entries[table, slot], first_signs[table, slot] = count + place, signs[rows[place], 0]
            ends[table, bucket] = slot + 1


@numba.njit(cache=True, nogil=True, inline="always")
def _ones(bits: np.uint64) -> np.uint64:
    """How many of 64 bits are set; compilers know this pattern and make one instruction of it."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (bits * np.uint64(0x0101010101010101)) >> np.uint64(56)


@numba.njit(cache=True, nogil=True)
def _meet(
    rows: npt.NDArray[np.int64],
    buckets: npt.NDArray[np.uint32],
    signs: npt.NDArray[np.uint64],
    starts: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
    entries: npt.NDArray[np.int32],
    first_signs: npt.NDArray[np.uint64],
    kept: npt.NDArray[np.int64],
    kept_signs: npt.NDArray[np.uint64],
    most_in_first: int,
    most_in_all: int,
    least: float,
    vectors: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    nearest, highest = np.full(len(rows), -1, np.int64), np.zeros(len(rows))  # entries, and how similar
    # Table by table, so that the buckets of one stay in the cache for all rows.
    for table in range(len(starts)):
        for place in range(len(rows)):
            row = rows[place]
            if scales[row] == 0.0:
                continue
            bucket = buckets[row, table]
            own = signs[row, 0]
            for slot in range(starts[table, bucket], ends[table, bucket]):
                if _ones(own ^ first_signs[table, slot]) > most_in_first:
                    continue
                entry = entries[table, slot]
                if entry == nearest[place]:
                    continue
                differing = np.uint64(0)
                for word in range(signs.shape[1]):
                    differing += _ones(signs[row, word] ^ kept_signs[entry, word])
                if differing <= most_in_all and groups[kept[entry]] == groups[row]:
                    similarity = cosine(row, kept[entry], vectors, scales)
                    if similarity >= least and (
                        similarity > highest[place] or (similarity == highest[place] and entry < nearest[place])
                    ):
                        nearest[place], highest[place] = entry, similarity
    for place in range(len(rows)):
        if nearest[place] >= 0:
            nearest[place] = kept[nearest[place]]
    return nearest, highest

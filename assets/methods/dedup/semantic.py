"""Semantic duplicates, exactly: rows whose vectors point the same way as that of a row that is kept."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.dedup.greedy import Matches, Pairs, Rows, Similarities
from assets.methods.dedup.heads import Heads, Vectors
from assets.methods.dots import dot
from assets.methods.threads import Threads

Groups = npt.NDArray[np.int32]

EPSILON = 1e-6  # cosines of float32 vectors are no finer: from `threshold` - EPSILON on, rows repeat each other
_TILE_ENTRIES = 256
_STRIPE_ENTRIES = 2048
_TILE_ROWS = 128


class CosineIndex:
    """The semantic duplicates among n rows (see `KeptIndex`): pairs whose cosine is at least `threshold` - EPSILON.

    Exact: no pair is missed and none is made up. Bounds from short heads of the vectors rule most pairs out (see
    `heads`), and the cosine decides about the rest, from the float32 numbers, summed in float64 in a fixed order. So
    the answers do not depend on the number of threads, nor on the seed, which only picks the sample for the heads.

    `vectors`: (n, d) float32 of any length; a vector of zeros points nowhere and repeats nothing. `groups`: (n,) int32;
    only rows of the same group can repeat each other (default: all rows are of one). `threads`: default one a core.
    Raises `DataError` for a threshold outside 0 to 1 and for vectors that are not finite.

    Cost of asking about a row: O(k w) for k kept rows and heads of w numbers, mostly 16 to 64, as a matrix product.
    Memory, beside the vectors, which are only read and may be a memory map: 8 (w + 1) + 20 bytes a row, and 1 MiB for
    each thread.
    """

    name = "semantic"
    recall = 1.0  # the least probability that a pair is found

    def __init__(
        self,
        vectors: Vectors,
        threshold: float,
        groups: Groups | None = None,
        seed: int = 0,
        threads: int | None = None,
    ) -> None:
        if not 0 < threshold <= 1:
            raise DataError(f"threshold: expected a cosine above 0, at most 1, not {threshold}")
        self.threads = Threads(threads)
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.groups = np.zeros(len(vectors), dtype=np.int32) if groups is None else groups
        self.least = max(threshold - EPSILON, EPSILON)  # above 0, so that a vector of zeros repeats nothing
        self.heads = Heads.of(self.vectors, threshold, seed, self.threads)
        self._kept = np.empty(len(vectors), dtype=np.int64)  # in the order in which they came
        self._kept_heads = np.empty_like(self.heads.values)  # in the same order, so that strips of them are products
        self._count = 0

    def find(self, rows: Rows) -> Matches:
        """For each of `rows` the most similar kept row that it repeats; of equals the one that was kept first."""
        heads = self.heads.values[rows]
        floor = np.float32(self.least - self.heads.slack)

        def search(start: int) -> tuple[Rows, Similarities]:
            best, highest = np.full(len(rows), -1, dtype=np.int64), np.zeros(len(rows))
            room = np.empty(len(rows) * _TILE_ENTRIES, dtype=np.float32)
            for first in range(start, min(start + _STRIPE_ENTRIES, self._count), _TILE_ENTRIES):
                entries = slice(first, min(first + _TILE_ENTRIES, self._count))
                others = self._kept_heads[entries]
                bounds = room[: len(rows) * len(others)].reshape(len(rows), len(others))
                np.matmul(heads, others.T, out=bounds)
                _most_similar(bounds, floor, rows, self._kept[entries], *self._data, best, highest)
            return best, highest

        best, highest = np.full(len(rows), -1, dtype=np.int64), np.zeros(len(rows))
        for found, similarity in self.threads.map(search, range(0, self._count, _STRIPE_ENTRIES)):
            better = similarity > highest  # strictly: the row that was kept first wins a tie
            best[better], highest[better] = found[better], similarity[better]
        return Matches(best, highest)

    def within(self, rows: Rows) -> Pairs:
        """All pairs among `rows` that repeat each other. Cost: O(len(rows)^2 w). Memory: 24 bytes a pair."""
        heads = self.heads.values[rows]
        floor = np.float32(self.least - self.heads.slack)

        def search(start: int) -> tuple[Rows, Rows, Similarities]:
            bounds = heads[start : start + _TILE_ROWS] @ heads[start:].T
            return _pairs(bounds, floor, start, rows, *self._data)

        parts = self.threads.map(search, range(0, len(rows), _TILE_ROWS))
        if not parts:
            return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def add(self, rows: Rows) -> None:
        """Note that `rows` are kept."""
        places = slice(self._count, self._count + len(rows))
        self._kept[places], self._kept_heads[places] = rows, self.heads.values[rows]
        self._count += len(rows)

    @property
    def _data(self) -> tuple[float, Vectors, npt.NDArray[np.float64], Groups]:
        return self.least, self.vectors, self.heads.scales, self.groups


@numba.njit(cache=True, nogil=True)
def cosine(row: np.int64, other: np.int64, vectors: npt.NDArray[np.float32], scales: npt.NDArray[np.float64]) -> float:
    """The cosine of two rows, at most 1, in float64; `scales` as in `Heads`. Symmetric to the last bit."""
    product: float = dot(vectors[row], vectors[other]) * (scales[row] * scales[other])
    return min(1.0, product)


@numba.njit(cache=True, nogil=True)
def next_possible(bounds: npt.NDArray[np.float32], start: int, floor: np.float32) -> int:
    """The first place from `start` on whose bound reaches the floor, else the length. Most do not."""
    place = start
    while place + 32 <= len(bounds):
        possible = 0
        for i in range(place, place + 32):  # counts, so that there is no branch and sixteen are compared at once
            possible += int(bounds[i] >= floor)
        if possible > 0:
            break
        place += 32
    while place < len(bounds) and bounds[place] < floor:
        place += 1
    return place


@numba.njit(cache=True, nogil=True)
def _most_similar(
    bounds: npt.NDArray[np.float32],
    floor: np.float32,
    rows: npt.NDArray[np.int64],
    kept: npt.NDArray[np.int64],
    least: float,
    vectors: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int32],
    best: npt.NDArray[np.int64],
    highest: npt.NDArray[np.float64],
) -> None:
    for place in range(bounds.shape[0]):
        line, row, entry = bounds[place], rows[place], -1
        while True:
            entry = next_possible(line, entry + 1, floor)
            if entry == len(line):
                break
            if groups[kept[entry]] == groups[row]:
                similarity = cosine(row, kept[entry], vectors, scales)
                if similarity >= least and similarity > highest[place]:
                    best[place], highest[place] = kept[entry], similarity


@numba.njit(cache=True, nogil=True)
def _pairs(
    bounds: npt.NDArray[np.float32],
    floor: np.float32,
    start: int,
    rows: npt.NDArray[np.int64],
    least: float,
    vectors: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    capacity, found = 256, 0
    firsts, seconds, similarities = np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity)
    for i in range(bounds.shape[0]):
        line, one, place = bounds[i], rows[start + i], i
        while True:
            place = next_possible(line, place + 1, floor)
            if place == len(line):
                break
            other = rows[start + place]
            if groups[one] == groups[other]:
                similarity = cosine(one, other, vectors, scales)
                if similarity >= least:
                    if found == capacity:
                        firsts = np.concatenate((firsts, np.empty(capacity, np.int64)))
                        seconds = np.concatenate((seconds, np.empty(capacity, np.int64)))
                        similarities = np.concatenate((similarities, np.empty(capacity)))
                        capacity *= 2
                    firsts[found], seconds[found], similarities[found] = start + i, start + place, similarity
                    found += 1
    return firsts[:found].copy(), seconds[:found].copy(), similarities[:found].copy()

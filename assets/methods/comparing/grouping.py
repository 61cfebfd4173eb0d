"""Groups of rows that repeat each other, so that a held-out row is never judged by a model that saw its copy.

What belongs here: who repeats whom, directly or through others. Dealing groups to parts belongs to `splits`.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.errors import DataError
from assets.methods.dedup.greedy import keep_best
from assets.methods.dedup.heads import Heads, Vectors
from assets.methods.dedup.semantic import EPSILON, cosine, next_possible
from assets.methods.dedup.sign_lsh import index_for
from assets.methods.similarity.nearest import Texts, as_arrow, strip_of
from assets.methods.threads import Threads

Rows = npt.NDArray[np.int64]

COSINE = 0.95
EXACT_UP_TO = 100_000
_STRIP_ROWS = 128
_STRIPS = 8  # that wait to be looked through: 1,024 rows of bounds, whatever the threads


def groups(
    vectors: Vectors,
    prompts: Texts | None = None,
    threshold: float = COSINE,
    exact_up_to: int = EXACT_UP_TO,
    threads: Threads | None = None,
) -> Rows:
    """(n,) int64, the group of each row, from 0 in the order of first rows: rows repeat only rows of their group.

    Two rows repeat each other if their prompts are equal (texts; null repeats nothing) or the cosine of their vectors,
    (n, d) float32 of any length, is at least `threshold`; whoever repeats a row of a group belongs to it. Up to
    `exact_up_to` rows no pair is missed; above, rows are compared with one row of a group by `dedup.sign_lsh`, and a
    pair whose rows both repeat a third may be torn apart, as may one pair at the threshold in 2,000.

    Raises `DataError` for another number of prompts than vectors and for a threshold outside 0 to 1.
    Cost: O(n^2 w) for heads of w numbers, mostly 16 to 64: 6 s for 52,000 rows of Alpaca on two busy cores; above
    `exact_up_to` that of `keep_best`. Memory: heads, and 4 KB a row of bounds. The same on any number of threads.
    """
    rows = len(vectors)
    if prompts is not None and len(prompts) != rows:
        raise DataError(f"{len(prompts):,} prompts for {rows:,} vectors: expected one each")
    if not 0 < threshold <= 1:
        raise DataError(f"threshold: expected a cosine above 0, at most 1, not {threshold}")
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    parents = np.arange(rows, dtype=np.int64)
    if prompts is not None:
        _unite_equal(_codes(prompts), parents)
    if rows > exact_up_to:
        index = index_for(vectors, threshold, exact_up_to=exact_up_to)
        kept = keep_best(np.arange(rows, dtype=np.int64), [index], rows, lambda done: None).kept
        _unite_pairs(np.flatnonzero(kept >= 0), kept[kept >= 0], parents)
    elif rows:
        _unite_similar(vectors, threshold, parents, threads or Threads())
    return np.unique(_roots(parents), return_inverse=True)[1].astype(np.int64)


def _codes(texts: Texts) -> Rows:
    """(n,) equal for equal texts, -1 for null."""
    whole = strip_of(as_arrow(texts), slice(0, len(texts)))
    codes = pc.fill_null(whole.dictionary_encode().indices.cast(pa.int64()), -1)
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int64)


def _unite_similar(vectors: Vectors, threshold: float, parents: Rows, threads: Threads) -> None:
    """Unite all pairs that are similar enough, in strips: products on all threads, then one that looks through them."""
    heads = Heads.of(vectors, threshold, 0, threads)
    least = max(threshold - EPSILON, EPSILON)
    floor = np.float32(least - heads.slack)
    for begin in range(0, len(vectors), _STRIP_ROWS * _STRIPS):
        starts = range(begin, min(begin + _STRIP_ROWS * _STRIPS, len(vectors)), _STRIP_ROWS)
        bounds = threads.map(lambda start: heads.values[start : start + _STRIP_ROWS] @ heads.values[start:].T, starts)
        for start, strip in zip(starts, bounds, strict=True):
            _unite_strip(strip, floor, start, least, vectors, heads.scales, parents)


@numba.njit(cache=True, nogil=True, inline="always")
def _root(parents: npt.NDArray[np.int64], row: int | np.int64) -> int | np.int64:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = parents[row]
    return row


@numba.njit(cache=True, nogil=True)
def _roots(parents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    found = np.empty_like(parents)
    for row in range(len(parents)):
        found[row] = _root(parents, row)
    return found


@numba.njit(cache=True, nogil=True, inline="always")
def _unite(parents: npt.NDArray[np.int64], one: int | np.int64, other: int | np.int64) -> None:
    """The root of a group is its first row."""
    first, second = _root(parents, one), _root(parents, other)
    parents[max(first, second)] = min(first, second)


@numba.njit(cache=True, nogil=True)
def _unite_pairs(ones: npt.NDArray[np.int64], others: npt.NDArray[np.int64], parents: npt.NDArray[np.int64]) -> None:
    for pair in range(len(ones)):
        _unite(parents, ones[pair], others[pair])


@numba.njit(cache=True, nogil=True)
def _unite_equal(codes: npt.NDArray[np.int64], parents: npt.NDArray[np.int64]) -> None:
    first = np.full(codes.max() + 1 if len(codes) else 0, -1, np.int64)
    for row in range(len(codes)):
        if codes[row] >= 0:
            if first[codes[row]] < 0:
                first[codes[row]] = row
            _unite(parents, first[codes[row]], row)


@numba.njit(cache=True, nogil=True)
def _unite_strip(
    bounds: npt.NDArray[np.float32],
    floor: np.float32,
    start: int,
    least: float,
    vectors: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    parents: npt.NDArray[np.int64],
) -> None:
    """Rows that are of one group already are not compared: a thousand copies cost a thousand cosines, not a million."""
    for place in range(len(bounds)):
        line, other = bounds[place], place
        while True:
            other = next_possible(line, other + 1, floor)
            if other >= len(line):
                break
            one, two = np.int64(start + place), np.int64(start + other)
            if _root(parents, one) != _root(parents, two) and cosine(one, two, vectors, scales) >= least:
                _unite(parents, one, two)

"""Pools: what every method of this package is given, checked once, with exact distances between its rows.

A vector of zeros is taken for a direction of its own, at right angles to every other vector; the vectors of zeros of a
pool are alike. So no distance is ever NaN, and the distances obey the triangle inequality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.orderings import Rows

Vectors = npt.NDArray[np.float32]

_UNIT_TOLERANCE = 1e-3
_STRIP_ROWS = 8192


@dataclass(frozen=True)
class Pool:
    """n rows to choose from.

    `vectors`: (n, d) float32 of unit length, with one more column where there are vectors of zeros. `candidates`: (n,)
    which rows may be taken; `start` is not among them. `weights`: (n,) float64, at least 0. `start`: (s,) int64, rows
    that are taken already. `picks`: rows to take, at most as many as there are candidates.
    """

    vectors: Vectors
    candidates: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]
    start: Rows
    picks: int

    @classmethod
    def of(
        cls,
        vectors: Vectors,
        picks: int,
        candidates: npt.NDArray[np.bool_] | None,
        weights: npt.NDArray[np.float64] | None,
        start: Rows | None,
    ) -> Pool:
        """Check the arguments. Raises `DataError`, which names the argument and the row. Cost: O(n d)."""
        rows = len(vectors)
        may = np.ones(rows, dtype=np.bool_) if candidates is None else np.array(candidates, dtype=np.bool_)
        weights = np.ones(rows) if weights is None else np.ascontiguousarray(weights, dtype=np.float64)
        taken = np.empty(0, dtype=np.int64) if start is None else np.asarray(start, dtype=np.int64)
        if may.shape != (rows,) or weights.shape != (rows,):
            raise DataError(
                f"{len(may):,} candidates and {len(weights):,} weights for {rows:,} vectors: expected one a row"
            )
        if picks < 0:
            raise DataError(f"picks: expected at least 0, not {picks:,}")
        bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(bad):
            raise DataError(f"weights: expected finite numbers of at least 0, not {weights[bad[0]]} at row {bad[0]:,}")
        check_rows("start", taken, rows)
        may[taken] = False
        return cls(unit_rows(vectors), may, weights, taken, min(int(picks), int(may.sum())))


def check_rows(name: str, rows: Rows, size: int) -> None:
    """Raise `DataError` where rows lie outside a pool of `size` rows or stand twice."""
    if not len(rows):
        return
    if rows.min() < 0 or rows.max() >= size:
        raise DataError(f"{name}: expected rows from 0 to {size - 1:,}, not {rows.min():,} to {rows.max():,}")
    times = np.bincount(rows)
    if times.max() > 1:
        raise DataError(f"{name}: row {times.argmax():,} stands {times.max():,} times; expected every row once")


def unit_rows(vectors: Vectors) -> Vectors:
    """The vectors, checked; with one more column, which is 1 for the vectors of zeros, where there are any.

    Raises `DataError` for a vector whose length is neither 1 nor 0.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    squares = np.empty(len(vectors))
    for first in range(0, len(vectors), _STRIP_ROWS):
        strip = vectors[first : first + _STRIP_ROWS]
        squares[first : first + _STRIP_ROWS] = np.einsum("ij,ij->i", strip, strip)
    lengths = np.sqrt(squares)
    zero = lengths == 0
    bad = np.flatnonzero(~((np.abs(lengths - 1) <= _UNIT_TOLERANCE) | zero))
    if len(bad):
        raise DataError(f"the vector of row {bad[0]:,} has length {lengths[bad[0]]:.4g}; expected 1")
    if not zero.any():
        return vectors
    return np.concatenate([vectors, zero[:, None].astype(np.float32)], axis=1)


@numba.njit(cache=True, nogil=True)
def squared_distance(one: npt.NDArray[np.float32], two: npt.NDArray[np.float32]) -> float:
    """The squared Euclidean distance of two vectors, in float64, added in one fixed order.

    Of unit vectors it is 2 - 2 cos. From the differences, so that it is exactly 0 for copies and as precise for near
    copies: the formula with the cosine would leave the rounding of 1.
    """
    # Eight sums side by side, which the processor adds at once; the order is fixed, so the result is, too.
    a = b = c = d = e = f = g = h = 0.0
    whole = len(one) // 8 * 8
    for i in range(0, whole, 8):
        a += (np.float64(one[i]) - np.float64(two[i])) ** 2
        b += (np.float64(one[i + 1]) - np.float64(two[i + 1])) ** 2
        c += (np.float64(one[i + 2]) - np.float64(two[i + 2])) ** 2
        d += (np.float64(one[i + 3]) - np.float64(two[i + 3])) ** 2
        e += (np.float64(one[i + 4]) - np.float64(two[i + 4])) ** 2
        f += (np.float64(one[i + 5]) - np.float64(two[i + 5])) ** 2
        g += (np.float64(one[i + 6]) - np.float64(two[i + 6])) ** 2
        h += (np.float64(one[i + 7]) - np.float64(two[i + 7])) ** 2
    for i in range(whole, len(one)):
        a += (np.float64(one[i]) - np.float64(two[i])) ** 2
    total: float = ((a + b) + (c + d)) + ((e + f) + (g + h))
    return total


def most_typical(pool: Pool) -> int:
    """The candidate nearest to the mean of all rows: the one with the highest mean cosine to them; ties, the lower."""
    closeness = _products(pool.vectors, pool.vectors.mean(axis=0, dtype=np.float64))
    return int(np.where(pool.candidates, closeness, -np.inf).argmax())


@numba.njit(cache=True, nogil=True)
def _products(vectors: npt.NDArray[np.float32], point: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The dot product of each row, added in one order, so that copies tie."""
    result = np.zeros(len(vectors))
    for row in range(len(vectors)):
        for i in range(len(point)):
            result[row] += vectors[row, i] * point[i]
    return result

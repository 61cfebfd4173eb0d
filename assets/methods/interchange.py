"""Interchange: rows that were chosen to cover a pool, each replaced by a neighbour that covers its part better.

What belongs here: improving a finished choice, for the plain sum of best similarities. Making it, and seeing whether
the sum rose, is the work of `facility_location`, whose last step this is where a pool is too large for exact greedy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.orderings import Rows
from assets.methods.threads import Threads

Vectors = npt.NDArray[np.float32]
Similarities = npt.NDArray[np.int32]

_STRIP_COLUMNS = 2048
_LARGEST_CELL = 2048


@dataclass(frozen=True)
class Assignment:
    """For each of n rows the place of the chosen row most similar to it, that similarity, and the second best.

    `place`: -1 where a row that is fixed is as similar, or none is at all. `best`, `second`: whole numbers, as in the
    matrix. `total`: the sum of the best ones; higher = better covered.
    """

    place: Rows
    best: Similarities
    second: Similarities

    @property
    def total(self) -> int:
        """The objective of facility location, in units of the matrix."""
        return int(self.best.sum(dtype=np.int64))


def assign(matrix: Similarities, covered: Similarities, threads: Threads) -> Assignment:
    """Find the chosen row that stands for each row; ties go to the earlier one.

    `matrix`: (k, n), how well each chosen row covers each row; `covered`: (n,) how well rows that are fixed cover it.
    Cost: O(n k).
    """
    rows = matrix.shape[1]
    place, best, second = np.full(rows, -1, dtype=np.int64), covered.copy(), np.zeros(rows, dtype=np.int32)

    def find(start: int) -> None:
        end = min(start + _STRIP_COLUMNS, rows)
        _assign(matrix[:, start:end], place[start:end], best[start:end], second[start:end])

    threads.map(find, range(0, rows, _STRIP_COLUMNS))
    return Assignment(place, best, second)


@numba.njit(cache=True, nogil=True)
def _assign(
    matrix: npt.NDArray[np.int32],
    place: npt.NDArray[np.int64],
    best: npt.NDArray[np.int32],
    second: npt.NDArray[np.int32],
) -> None:
    for chosen in range(matrix.shape[0]):
        for row in range(matrix.shape[1]):
            value = matrix[chosen, row]
            if value > best[row]:
                second[row], best[row], place[row] = best[row], value, chosen
            elif value > second[row]:
                second[row] = value


def propose(vectors: Vectors, chosen: Rows, now: Assignment, may: npt.NDArray[np.bool_], scale: int) -> Rows:
    """The chosen rows, some of them replaced, so that the pool is mostly covered better; see whether it is.

    `vectors`: (n, d) float32 of unit length; `chosen`: (k,) rows; `now`: who stands for whom, in units of 1 / `scale`.
    Each is replaced by the row for which it stands, itself included, whose choice in its place would cover the rows
    that it stands for best; those may fall back on their second best chosen row (the interchange of Teitz and Bart
    1968, for all chosen rows at once and among neighbours only). `may`: (n,) rows that can be chosen. Each replacement
    by itself covers no worse, but all are made at once, and two can spoil each other.

    Cost: O(sum of squared cells x d); cells of more than 2,048 rows keep their row.
    """
    by_place = np.argsort(now.place, kind="stable")
    starts = np.searchsorted(now.place[by_place], np.arange(len(chosen) + 1))
    is_taken = np.zeros(len(vectors), dtype=np.bool_)
    is_taken[chosen] = True
    second = now.second.astype(np.float32) / np.float32(scale)
    result = chosen.copy()
    for place in range(len(chosen)):
        cell = by_place[starts[place] : starts[place + 1]]
        allowed = cell[may[cell] & ~is_taken[cell]]
        if not len(allowed) or len(cell) > _LARGEST_CELL:
            continue
        # The present row is one of those that are compared, and is kept on a tie: being the first.
        compared = np.concatenate([chosen[place : place + 1], allowed])
        covered = np.maximum(vectors[compared] @ vectors[cell].T, second[cell])
        result[place] = compared[covered.sum(axis=1, dtype=np.float64).argmax()]
    return result

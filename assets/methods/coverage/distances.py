"""Distances to the rows taken so far: for each row the nearest of them, brought up to date only where somebody asks.

The distance to the nearest taken row only falls, so one that is out of date still bounds the present one from above.
Rows that are asked about are compared, as a float32 matrix product, with the rows taken since they were last asked
about. The product only rules pairs out; what may be nearer than the nearest one yet is measured exactly, by
`pool.squared_distance`. So the answers depend on the vectors alone: not on which rows were asked about together, nor on
the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.coverage.pool import Vectors, squared_distance
from assets.methods.orderings import Rows
from assets.methods.threads import Threads

FAR = 16.0  # above every squared distance of unit vectors, which is at most 4: no row is taken yet
_PIECE_ROWS = 256
_PIECE_CENTERS = 2048


class Distances:
    """The rows of a pool and their distances to the rows taken so far, the centres.

    `squared`: (n,) float64 squared Euclidean distance to the nearest of the first `seen[row]` centres, `FAR` for none.
    `nearest`: (n,) int64 the number of that centre, in the order in which they were taken, -1 for none; of equally near
    ones the first. `centers`: (k,) int64 the rows taken. Memory: 28 bytes a row, and 4 d bytes a centre.
    """

    def __init__(self, vectors: Vectors, capacity: int, threads: Threads) -> None:
        rows, dimensions = vectors.shape
        self.vectors, self._threads = vectors, threads
        self.squared = np.full(rows, FAR)
        self.nearest = np.full(rows, -1, dtype=np.int64)
        self.seen = np.zeros(rows, dtype=np.int64)
        self.lengths = np.einsum("ij,ij->i", vectors, vectors)  # squared
        # The rounding of a product of float32 numbers is below d / 2^24 for unit vectors, and it counts twice here.
        self.slack = (dimensions + 16) * 2.0**-22
        self.count = 0
        self._centers = np.empty(capacity, dtype=np.int64)
        self._points = np.empty((capacity, dimensions), dtype=np.float32)  # in the order of the centres
        self._halves = np.empty(capacity, dtype=np.float32)  # half their squared lengths

    @property
    def centers(self) -> Rows:
        """The rows taken so far, in that order."""
        return self._centers[: self.count]

    def take(self, rows: Rows) -> None:
        """Make rows centres."""
        places = slice(self.count, self.count + len(rows))
        self._centers[places], self._points[places] = rows, self.vectors[rows]
        self._halves[places] = self.lengths[rows] / 2
        self.count += len(rows)

    def refresh(self, rows: Rows) -> None:
        """Bring rows up to date. Cost: O(d) for each row and each centre it has not seen."""
        rows = rows[self.seen[rows] < self.count]
        rows = rows[np.argsort(self.seen[rows], kind="stable")]  # those that miss equally many are compared together
        self._threads.map(self._compare, [rows[at : at + _PIECE_ROWS] for at in range(0, len(rows), _PIECE_ROWS)])
        self.seen[rows] = self.count

    def _compare(self, rows: Rows) -> None:
        vectors, first = self.vectors[rows], int(self.seen[rows[0]])
        for start in range(first, self.count, _PIECE_CENTERS):
            end = min(start + _PIECE_CENTERS, self.count)
            products = vectors @ self._points[start:end].T
            _improve(
                products,
                self._halves[start:end],
                rows,
                start,
                self.centers,
                self.vectors,
                self.lengths,
                self.slack,
                self.squared,
                self.nearest,
            )

    def nearest_rows(self) -> tuple[Rows, npt.NDArray[np.float32]]:
        """For every row of the pool the nearest centre, and the cosine to it; a centre's own is itself.

        -1 and NaN where no row is taken. Cost: O(n k d) for what has not been compared yet.
        """
        rows = len(self.vectors)
        if not self.count:
            return np.full(rows, -1, dtype=np.int64), np.full(rows, np.nan, dtype=np.float32)
        self.refresh(np.arange(rows))
        nearest = self.centers[self.nearest]
        nearest[self.centers] = self.centers
        return nearest, np.clip(1 - self.squared / 2, -1, 1).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _improve(
    products: npt.NDArray[np.float32],
    halves: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    start: int,
    centers: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float32],
    lengths: npt.NDArray[np.float32],
    slack: float,
    squared: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.int64],
) -> None:
    """Enter for each row what is nearer among the centres from `start` on. A centre seen before does no harm."""
    for place in range(len(rows)):
        row, line = rows[place], products[place]
        # Half the squared distance less half the row's own length: what is left of it to compare centres by.
        lowest, first = np.float32(np.inf), 0
        for i in range(len(line)):
            value = halves[i] - line[i]
            if value < lowest:
                lowest, first = value, i
        if 2.0 * lowest + lengths[row] - slack > squared[row]:
            continue
        _measure(row, start + first, centers, vectors, squared, nearest)
        for i in range(len(line)):
            value = halves[i] - line[i]
            if i != first and 2.0 * value + lengths[row] - slack <= squared[row]:
                _measure(row, start + i, centers, vectors, squared, nearest)


@numba.njit(cache=True, nogil=True)
def _measure(
    row: int,
    number: int,
    centers: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float32],
    squared: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.int64],
) -> None:
    exact = squared_distance(vectors[row], vectors[centers[number]])
    if exact < squared[row] or (exact == squared[row] and number < nearest[row]):
        squared[row], nearest[row] = exact, number

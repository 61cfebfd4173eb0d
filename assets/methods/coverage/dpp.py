"""Determinantal point process: rows of high quality whose vectors span a large volume between them.

Greedy for the most probable set (MAP) with incremental Cholesky factors, and its sliding window for long lists: Chen,
Zhang and Zhou 2018. The kernel is L = diag(q) (S + r I) diag(q), S the cosines, q the quality. S has at most d
dimensions, so that after d rows nothing would be left; the ridge r leaves each row a little of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.coverage.distances import Distances
from assets.methods.coverage.pool import Pool, Vectors
from assets.methods.dots import dot
from assets.methods.orderings import Ordering, Rows
from assets.methods.threads import Threads
from assets.progress import Advance

_PIECE_ROWS = 2048


def determinantal(
    vectors: Vectors,
    picks: int,
    candidates: npt.NDArray[np.bool_] | None = None,
    weights: npt.NDArray[np.float64] | None = None,
    start: Rows | None = None,
    window: int | None = None,
    ridge: float = 1e-3,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Ordering:
    """Take again and again the candidate that raises the log-determinant of the kernel of the rows taken the most.

    `vectors`: (n, d) float32 of unit length; a copy of a row taken adds log 2 r or so, a row at right angles to all of
    them log (1 + r). `weights`: (n,) quality q, at least 0, higher = rather (default: 1); it counts as its square, and
    a row of weight 0 is never taken. `window`: only the last so many rows taken count (default: all). `ridge`: r, above
    0. `candidates`, `start` and `threads` as in `k_center`; of rows to start from only those in the window count.

    Ends early where only rows of weight 0 are left. Ties go to the lower row. Gains: the rise of the log-determinant
    of the window when the row was taken; without a window they never rise. `nearest` is told for all rows, among all
    rows taken. Raises `DataError` for arguments that do not fit.
    Cost: O(n k (d + w)) for w the smaller of k and the window. Memory beside the vectors: 8 w bytes a row.
    """
    if not (ridge > 0 and np.isfinite(ridge)):
        raise DataError(f"ridge: expected a number above 0, not {ridge}")
    if window is not None and window < 1:
        raise DataError(f"window: expected at least 1, not {window}")
    pool = Pool.of(vectors, picks, candidates, weights, start)
    may = pool.candidates & (pool.weights > 0)
    picks = min(pool.picks, int(may.sum()))
    workers = Threads(threads)
    most = len(pool.start) + picks
    factors = _Factors.of(pool.vectors, most if window is None else min(window, most), ridge)
    for row in pool.start[-factors.capacity :]:
        factors.take(int(row), workers)
    with np.errstate(divide="ignore"):
        quality = np.where(may, 2 * np.log(pool.weights), -np.inf)
    order, gains = np.empty(picks, dtype=np.int64), np.empty(picks)
    for step in range(picks):
        if factors.count == factors.capacity:
            factors.forget(workers)
        worth = quality + np.log(factors.variance)
        row = int(worth.argmax())
        order[step], gains[step] = row, worth[row]
        quality[row] = -np.inf
        factors.take(row, workers)
        advance(1)
    distances = Distances(pool.vectors, most, workers)
    distances.take(np.concatenate([pool.start, order]))
    return Ordering(order, gains, *distances.nearest_rows())


@dataclass
class _Factors:
    """The Cholesky factor of S + r I for the rows in the window, and what each row of the pool would add to it.

    `own`: (n, w) for each row its coordinates along the rows in the window. `variance`: (n,) what these leave of
    1 + r: the factor by which the row would multiply the determinant; never below `ridge`, but for rounding. `chosen`:
    (w, w), a line for each row in the window, the oldest first: its coordinates, then the root of its variance on the
    diagonal. `count`: rows in the window. What is entered for rows that are taken means nothing.
    """

    vectors: Vectors
    own: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    chosen: npt.NDArray[np.float64]
    count: int
    ridge: float

    @classmethod
    def of(cls, vectors: Vectors, capacity: int, ridge: float) -> _Factors:
        """An empty window for `capacity` rows."""
        own, chosen = np.zeros((len(vectors), capacity)), np.zeros((capacity, capacity))
        return cls(vectors, own, _lengths(vectors) + ridge, chosen, 0, ridge)

    @property
    def capacity(self) -> int:
        """The length of the window."""
        return len(self.chosen)

    def take(self, row: int, workers: Threads) -> None:
        """Put a row into the window. Cost: O(n (d + w))."""
        count, root = self.count, float(np.sqrt(self.variance[row]))
        line = self.own[row, :count].copy()
        self.chosen[count, :count], self.chosen[count, count] = line, root
        workers.map(
            lambda at: _project(
                self.vectors, self.own, self.variance, at, at + _PIECE_ROWS, row, line, root, self.ridge
            ),
            range(0, len(self.vectors), _PIECE_ROWS),
        )
        self.count += 1

    def forget(self, workers: Threads) -> None:
        """Let the oldest row leave the window, by rotations of the coordinates, which keep all lengths. O(n w)."""
        count = self.count
        lines = np.zeros((count - 1, count - 1))
        turns = _rotations(self.chosen[1:count, :count].copy(), lines)
        self.chosen[: count - 1, : count - 1] = lines
        workers.map(
            lambda at: _rotate(self.own, self.variance, at, at + _PIECE_ROWS, turns),
            range(0, len(self.vectors), _PIECE_ROWS),
        )
        self.count -= 1


@numba.njit(cache=True, nogil=True)
def _lengths(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Squared; as the coordinates are computed, so that the kernel is that of the vectors as they are."""
    result = np.empty(len(vectors))
    for row in range(len(vectors)):
        result[row] = dot(vectors[row], vectors[row])
    return result


@numba.njit(cache=True, nogil=True)
def _project(
    vectors: npt.NDArray[np.float32],
    own: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    start: int,
    end: int,
    row: int,
    line: npt.NDArray[np.float64],
    root: float,
    least: float,
) -> None:
    """The coordinate of each row along a row that is taken."""
    count, taken = len(line), vectors[row]
    for other in range(start, min(end, len(vectors))):
        rest = (dot(vectors[other], taken) - dot(own[other, :count], line)) / root
        own[other, count] = rest
        variance[other] = max(least, variance[other] - rest * rest)


@numba.njit(cache=True, nogil=True)
def _rotations(lines: npt.NDArray[np.float64], result: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The turns that bring the lines, without that of the oldest row, into triangular form again; enters it."""
    count = lines.shape[0]
    turns = np.empty((count, 2))
    for i in range(count):
        # Column 0 is to vanish into column i + 1, whose topmost number stands on line i.
        length = np.hypot(lines[i, i + 1], lines[i, 0])
        cosine, sine = lines[i, i + 1] / length, lines[i, 0] / length
        turns[i, 0], turns[i, 1] = cosine, sine
        for j in range(i, count):
            kept, carried = lines[j, i + 1], lines[j, 0]
            result[j, i] = cosine * kept + sine * carried
            lines[j, 0] = cosine * carried - sine * kept
    return turns


@numba.njit(cache=True, nogil=True)
def _rotate(
    own: npt.NDArray[np.float64],
    variance: npt.NDArray[np.float64],
    start: int,
    end: int,
    turns: npt.NDArray[np.float64],
) -> None:
    for row in range(start, min(end, len(own))):
        line = own[row]
        carried = line[0]
        for i in range(len(turns)):
            kept = line[i + 1]
            line[i] = turns[i, 0] * kept + turns[i, 1] * carried
            carried = turns[i, 0] * carried - turns[i, 1] * kept
        variance[row] += carried * carried

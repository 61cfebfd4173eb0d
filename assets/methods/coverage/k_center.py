"""k-center: rows so far apart that no row of the pool is far from all of them (Gonzalez 1985).

Greedy takes the row farthest from those taken; its radius is at most twice the least that any `picks` rows can have.
It reaches out for outliers before anything else: weights, or another method, keep noise out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assets.methods.coverage.distances import Distances
from assets.methods.coverage.farthest import DISTANCE, take_farthest
from assets.methods.coverage.pool import Pool, Vectors, most_typical
from assets.methods.orderings import Ordering, Rows
from assets.methods.threads import Threads
from assets.progress import Advance

_FARTHEST = 2.0  # the largest distance of unit vectors


def k_center(
    vectors: Vectors,
    picks: int,
    candidates: npt.NDArray[np.bool_] | None = None,
    weights: npt.NDArray[np.float64] | None = None,
    start: Rows | None = None,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Ordering:
    """Take again and again the candidate with the highest weight x distance to the nearest row taken before.

    `vectors`: (n, d) float32 of unit length; the distance is Euclidean, sqrt(2 - 2 cos), from 0 to 2. `candidates`:
    (n,) only they are taken (default: all). `weights`: (n,) at least 0, higher = rather (default: 1). `start`: rows
    taken already, which are not returned. `threads`: default one a core; the result does not depend on it.

    Without rows to start from every row is as far away as can be, 2: the row with the highest weight comes first, and
    without weights the candidate nearest to the mean of all rows. It is part of the result. Ties go to the lower row.
    Copies of rows taken, and rows of weight 0, come last and gain 0. A vector of zeros: see `pool`.

    Gains: weight x distance when the row was taken; they never rise (but perhaps after the first). `nearest` is told
    for all rows. Raises `DataError` for arguments that do not fit. Cost: O(n k d) at most, as matrix products; less to
    find the rows, the rest to tell `nearest`. Memory beside the vectors: 40 bytes a row, 4 d bytes a row taken.
    """
    pool = Pool.of(vectors, picks, candidates, weights, start)
    distances = Distances(pool.vectors, len(pool.start) + pool.picks, Threads(threads))
    distances.take(pool.start)
    gains = np.empty(pool.picks)
    opening = 0
    if pool.picks and not len(pool.start):
        worth = np.where(pool.candidates, pool.weights, -1.0)
        first = most_typical(pool) if weights is None else int(worth.argmax())
        distances.take(np.array([first]))
        gains[0], opening = _FARTHEST * pool.weights[first], 1
        pool.candidates[first] = False
        advance(1)
    gains[opening:] = take_farthest(
        distances, pool.picks - opening, pool.candidates, DISTANCE, pool.weights, 0.0, advance
    )
    return Ordering(distances.centers[len(pool.start) :].copy(), gains, *distances.nearest_rows())

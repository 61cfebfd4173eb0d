"""Maximal marginal relevance: relevant rows, less what they have in common with rows taken before.

Carbonell and Goldstein 1998, for re-ranking what was found; here the most relevant rows of a pool of any size.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.coverage.distances import Distances
from assets.methods.coverage.farthest import MARGIN, take_farthest
from assets.methods.coverage.pool import Pool, Vectors, most_typical
from assets.methods.orderings import Ordering, Rows
from assets.methods.threads import Threads
from assets.progress import Advance


def marginal_relevance(
    vectors: Vectors,
    picks: int,
    candidates: npt.NDArray[np.bool_] | None = None,
    weights: npt.NDArray[np.float64] | None = None,
    start: Rows | None = None,
    trade_off: float = 0.5,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Ordering:
    """Take again and again the candidate with the highest t x weight - (1 - t) x its highest cosine to a row taken.

    `vectors`: (n, d) float32 of unit length. `weights`: (n,) relevance, at least 0, higher = more relevant, on a scale
    that the caller chooses so that it can be weighed against a cosine (default: 0). `trade_off`: t, from 0 (diversity
    alone) to 1 (relevance alone). `candidates`, `start` and `threads` as in `k_center`.

    Before any row is taken the cosine counts 0: the most relevant candidate comes first, and without weights the one
    nearest to the mean of all rows. Ties go to the lower row. The cosine of a vector of zeros is 0, but 1 to another
    vector of zeros.

    Gains: the margin when the row was taken, from t - 1 on; after the first they never rise. `nearest` is told for all
    rows. Raises `DataError` for arguments that do not fit. Cost: as `k_center`.
    """
    if not 0 <= trade_off <= 1:
        raise DataError(f"trade_off: expected from 0 (diversity alone) to 1 (relevance alone), not {trade_off}")
    pool = Pool.of(vectors, picks, candidates, weights, start)
    relevance = trade_off * (np.zeros(len(pool.weights)) if weights is None else pool.weights)
    distances = Distances(pool.vectors, len(pool.start) + pool.picks, Threads(threads))
    distances.take(pool.start)
    gains = np.empty(pool.picks)
    opening = 0
    if pool.picks and not len(pool.start):
        first = most_typical(pool) if weights is None else int(np.where(pool.candidates, relevance, -1.0).argmax())
        distances.take(np.array([first]))
        gains[0], opening = relevance[first], 1
        pool.candidates[first] = False
        advance(1)
    gains[opening:] = take_farthest(
        distances, pool.picks - opening, pool.candidates, MARGIN, relevance, 1.0 - trade_off, advance
    )
    return Ordering(distances.centers[len(pool.start) :].copy(), gains, *distances.nearest_rows())

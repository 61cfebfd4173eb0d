"""Metrics of a choice of rows: how far apart they lie, and how well they cover the pool they were chosen from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.coverage.distances import Distances
from assets.methods.coverage.novel_sum import novel_sum
from assets.methods.coverage.pool import Vectors, check_rows, unit_rows
from assets.methods.orderings import Rows
from assets.methods.threads import Threads

_STRIP_ROWS = 8192


@dataclass(frozen=True)
class Reach:
    """How far each row of a pool is from the rows chosen.

    `distance`: (n,) float64 cosine distance, 1 - cos, to the nearest chosen row, from 0 (a copy is chosen) to 2.
    `nearest`: (n,) int64 that row; of equally near ones the one that stands first.
    """

    distance: npt.NDArray[np.float64]
    nearest: Rows

    def coverage(self, radius: float) -> float:
        """C(S), the share of the pool within this cosine distance of a chosen row; from 0 to 1, higher = better."""
        return float((self.distance <= radius).mean())

    @property
    def mean(self) -> float:
        """The mean cosine distance to the nearest chosen row; lower = better covered."""
        return float(self.distance.mean())

    @property
    def worst(self) -> float:
        """The cosine distance of the row that is covered worst; lower = better."""
        return float(self.distance.max())

    @property
    def radius(self) -> float:
        """The same as a Euclidean distance, which is what k-center makes small: sqrt(2 - 2 cos), from 0 to 2."""
        return float(np.sqrt(2 * self.worst))


@dataclass(frozen=True)
class Diversity:
    """The metrics of `chosen` rows together.

    `mean_pairwise`: D(S), see `mean_pairwise_distance`, higher = more diverse; `novel_sum`: see there, higher = more
    diverse; both None for a single row, which has no pairs. `coverage`: the share of the pool within `cover_radius`
    (a cosine distance), higher = better. `mean_distance`, `worst_distance`, `radius`: see `Reach`, lower = better.
    """

    chosen: int
    mean_pairwise: float | None
    novel_sum: float | None
    coverage: float
    cover_radius: float
    mean_distance: float
    worst_distance: float
    radius: float


def diversity(
    vectors: Vectors, chosen: Rows, cover_radius: float = 0.3, seed: int = 0, threads: int | None = None
) -> Diversity:
    """All metrics of the chosen rows. Cost: that of `reach` and of `novel_sum`."""
    found = reach(vectors, chosen, threads)
    pairs = len(chosen) > 1
    return Diversity(
        chosen=len(chosen),
        mean_pairwise=mean_pairwise_distance(vectors, chosen) if pairs else None,
        novel_sum=novel_sum(vectors, chosen, seed=seed, threads=threads) if pairs else None,
        coverage=found.coverage(cover_radius),
        cover_radius=cover_radius,
        mean_distance=found.mean,
        worst_distance=found.worst,
        radius=found.radius,
    )


def reach(vectors: Vectors, chosen: Rows, threads: int | None = None) -> Reach:
    """How far each row is from the nearest chosen row.

    `vectors`: (n, d) float32 of unit length; `chosen`: (k,) rows, at least one. A vector of zeros: see `pool`.
    Raises `DataError` where no rows are chosen, or rows that are not in the pool. Cost: O(n k d), in strips.
    """
    vectors, chosen = unit_rows(vectors), np.asarray(chosen, dtype=np.int64)
    check_rows("chosen", chosen, len(vectors))
    if not len(chosen):
        raise DataError("no rows chosen: there is nothing to compare the pool with")
    distances = Distances(vectors, len(chosen), Threads(threads))
    distances.take(chosen)
    nearest, _ = distances.nearest_rows()
    # Of unit vectors half the squared distance is 1 - cos, without the rounding of 1.
    return Reach(distances.squared / 2, nearest)


def mean_pairwise_distance(vectors: Vectors, chosen: Rows) -> float:
    """D(S): the mean of 1 - cos over all pairs of chosen rows; from 0 (copies) to about 1, at most 2; higher = diverse.

    Raises `DataError` for fewer than two rows. From the length of the sum of the vectors: O(k d) instead of all pairs.
    """
    vectors, chosen = unit_rows(vectors), np.asarray(chosen, dtype=np.int64)
    check_rows("chosen", chosen, len(vectors))
    rows = len(chosen)
    if rows < 2:
        raise DataError(f"{rows} rows chosen: a distance is between at least 2")
    total, squares = np.zeros(vectors.shape[1]), 0.0
    for start in range(0, rows, _STRIP_ROWS):
        strip = vectors[chosen[start : start + _STRIP_ROWS]].astype(np.float64)
        total += strip.sum(axis=0)
        squares += float(np.square(strip).sum())
    cosines = float(np.square(total).sum()) - squares
    return max(0.0, 1.0 - cosines / (rows * (rows - 1)))

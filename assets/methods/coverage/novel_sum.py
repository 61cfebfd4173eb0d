"""NovelSum: how new each chosen row is beside the other chosen rows, on average (Yang and others, ACL 2025).

Near rows count more than far ones, and distances count more where the pool is dense: in a crowded region a small
difference tells things apart. Higher = more diverse; the authors report r = .97 with the quality of tuned models.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.coverage.pool import Vectors, check_rows, unit_rows
from assets.methods.orderings import Rows
from assets.methods.threads import Threads

REFERENCE_ROWS = 65_536
_STRIP_NUMBERS = 8_000_000  # cosines held at once by a thread: 32 MB
_COPY = 1e-6  # a cosine distance of float32 vectors below this is that of copies


def novel_sum(
    vectors: Vectors,
    chosen: Rows,
    power: float = 1.0,
    density_power: float = 0.5,
    neighbours: int = 10,
    seed: int = 0,
    threads: int | None = None,
) -> float:
    """The mean over the chosen rows i of density_i x the weighted average of 1 - cos(i, j) over the others j.

    The r-th nearest of the others weighs 1 / r^`power`. The density is 1 / (mean cosine distance from i to its
    `neighbours` nearest rows of the pool)^`density_power`; rows nearer than 10^-6 are copies and are passed over, and a
    row that has nothing but copies adds 0. The defaults are those of the paper: 1, 0.5 and 10. (Its program takes
    squared Euclidean distances for the density, which are twice as large, and ranks a row itself among the others at
    distance 0; compare values of one program only.)

    `vectors`: (n, d) float32 of unit length; `chosen`: (k,) rows. Of a pool of more than 65,536 rows the density is
    measured against as many rows, drawn with the seed: its values compare with those of the same pool and seed only.
    Two rows at least, else `DataError`, as for rows that are not in the pool.
    Cost: O(k^2 (d + log k) + k n d), in strips, without anything k x k in memory.
    """
    vectors = unit_rows(vectors)
    check_rows("chosen", chosen, len(vectors))
    if len(chosen) < 2:
        raise DataError(f"{len(chosen)} rows chosen: novelty is measured between at least 2")
    if neighbours < 1 or not (power >= 0 and density_power >= 0):
        raise DataError(
            f"expected at least 1 neighbour and powers of at least 0, not {neighbours}, {power}, {density_power}"
        )
    picked = vectors[chosen]
    reference = vectors
    if len(vectors) > REFERENCE_ROWS:
        drawn = np.random.default_rng(seed).choice(len(vectors), REFERENCE_ROWS, replace=False)
        reference = vectors[np.sort(drawn)]
    workers = Threads(threads)
    novelty = _in_strips(picked, picked, workers, lambda at, strip: _averages(strip, at, power))
    spread = _in_strips(picked, reference, workers, lambda at, strip: _spreads(strip, neighbours))
    density = np.zeros(len(picked))
    np.divide(1.0, spread**density_power, out=density, where=spread > 0)
    return math.fsum(density * novelty) / len(picked)


def _in_strips(
    rows: Vectors,
    others: Vectors,
    workers: Threads,
    measure: Callable[[int, npt.NDArray[np.float32]], npt.NDArray[np.float64]],
) -> npt.NDArray[np.float64]:
    """One number a row, from its cosine distances to all the others; the strips do not depend on the threads."""
    height = max(1, _STRIP_NUMBERS // len(others))

    def part(at: int) -> npt.NDArray[np.float64]:
        distances = 1.0 - rows[at : at + height] @ others.T
        return measure(at, np.maximum(distances, 0.0, out=distances))

    return np.concatenate(workers.map(part, range(0, len(rows), height)))


def _averages(strip: npt.NDArray[np.float32], at: int, power: float) -> npt.NDArray[np.float64]:
    """The weighted average of each line, without the row itself, which is number `at` in the first line."""
    places = np.arange(len(strip))
    strip[places, at + places] = -1.0  # below all others: it comes first, and is left out
    strip.sort(axis=1)
    weights = np.arange(1, strip.shape[1], dtype=np.float64) ** -power
    return np.asarray((strip[:, 1:] * weights).sum(axis=1) / weights.sum())


def _spreads(strip: npt.NDArray[np.float32], neighbours: int) -> npt.NDArray[np.float64]:
    """The mean of the least distances of each line that are not those of copies; 0 where there are none."""
    strip[strip < _COPY] = np.inf
    if neighbours < strip.shape[1]:
        strip = np.partition(strip, neighbours - 1, axis=1)[:, :neighbours]
    near = np.sort(strip, axis=1).astype(np.float64)  # in one order, whatever the partition leaves
    known = np.isfinite(near)
    return np.asarray(np.where(known, near, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))

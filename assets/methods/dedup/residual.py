"""How many duplicates an index that may miss some has left: estimated from a sample that is searched exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.dedup.greedy import Rows
from assets.methods.dedup.semantic import CosineIndex, cosine, next_possible

CONFIDENCE = 0.95
BOUND = 0.001  # of the share
_FEWEST, _MOST = 1023, 16_383
_STRIP_ROWS = 512
_TILE_ROWS = 256


@dataclass(frozen=True)
class Residual:
    """Pairs above the threshold of which both rows stay, estimated; counted where all rows were searched.

    `share` is what was left of the duplicates that there were: pairs / (rows that went + pairs), 0 to 1, lower =
    better. `upper` bounds the share from above with 95 % confidence.
    """

    pairs: float
    share: float
    upper: float
    searched: int
    rows: int


def estimate(exact: CosineIndex, stays: Rows, gone: int, seed: int, searched: int | None = None) -> Residual:
    """Compare `searched` rows, drawn from those that stay, with all that stay.

    By default so many that finding nothing bounds the share by `BOUND`, but from 1,024 to 16,384.

    `exact`: the index that knows the vectors, as in `SignIndex.exact`; which rows were added to it does not matter.
    `stays`: the rows that stay, each once; `gone`: how many rows went for one of them by this kind of likeness.

    A pair is found from either of its rows, so there are about rows / searched x found / 2. The bound takes what was
    found for a Poisson number; where pairs come in clumps (a row with c of them), for one of clumps of the mean size
    sum c^2 / sum c. Cost: O(searched x rows x w), as a matrix product. Memory: a few MiB.
    """
    if searched is not None and searched < 1:
        raise DataError(f"searched: expected at least 1 row, not {searched}")
    if not len(stays):
        return Residual(0.0, 0.0, 0.0, 0, 0)
    if searched is None:
        enough = len(stays) / 2 * _upper(np.zeros(1, np.int64)) / (BOUND * max(gone, 1))
        searched = int(min(max(enough, _FEWEST), _MOST)) + 1
    drawn = np.random.default_rng(seed).permutation(stays)[:searched]
    found = _found(exact, drawn, stays)
    times = len(stays) / len(drawn) / 2
    pairs = times * int(found.sum())
    most = pairs if len(drawn) == len(stays) else times * _upper(found)
    return Residual(pairs, _share(pairs, gone), _share(most, gone), len(drawn), len(stays))


def _share(pairs: float, gone: int) -> float:
    return pairs / (gone + pairs) if pairs else 0.0


def _upper(found: Rows) -> float:
    """The largest expected sum of `found` that would bring so few with a probability of 5 %."""
    from scipy.special import gammaincinv

    total = int(found.sum())
    clump = float(np.square(found).sum() / total) if total else 1.0
    return clump * float(gammaincinv(total / clump + 1, CONFIDENCE))


def _found(exact: CosineIndex, drawn: Rows, stays: Rows) -> Rows:
    """For each of `drawn` how many others of `stays` it repeats."""
    heads, floor = exact.heads.values, np.float32(exact.least - exact.heads.slack)

    def search(start: int) -> Rows:
        rows = drawn[start : start + _STRIP_ROWS]
        own, counts = heads[rows], np.zeros(len(rows), dtype=np.int64)
        for first in range(0, len(stays), _TILE_ROWS):
            others = stays[first : first + _TILE_ROWS]
            _count(
                own @ heads[others].T, floor, rows, others, exact.least, exact.vectors, exact.heads.scales,
                exact.groups, counts,
            )  # fmt: skip
        return counts

    return np.concatenate(exact.threads.map(search, range(0, len(drawn), _STRIP_ROWS)))


@numba.njit(cache=True, nogil=True)
def _count(
    bounds: npt.NDArray[np.float32],
    floor: np.float32,
    rows: npt.NDArray[np.int64],
    others: npt.NDArray[np.int64],
    least: float,
    vectors: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int32],
    counts: npt.NDArray[np.int64],
) -> None:
    for i in range(bounds.shape[0]):
        line, row, place = bounds[i], rows[i], -1
        while True:
            place = next_possible(line, place + 1, floor)
            if place == len(line):
                break
            other = others[place]
            if other != row and groups[other] == groups[row] and cosine(row, other, vectors, scales) >= least:
                counts[i] += 1

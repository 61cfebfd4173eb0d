"""Greedy by distance: at each step the candidate worth most, by its distance to the nearest row taken before.

What belongs here: the order of visiting, for any worth that never rises as distances fall. What the worth is belongs
to the methods, `k_center` and `mmr`.

The answer is that of plain greedy, which updates every row after every step. Lazily (Minoux 1978): a worth that is out
of date bounds the present one from above, so only the rows with the highest bounds need to be known exactly. These, the
front, are brought up to date together and kept so, step by step, in the processor's cache; as soon as a row behind the
front may be worth more than the best one in it, a new front is drawn.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.coverage.distances import Distances
from assets.methods.coverage.pool import squared_distance
from assets.methods.orderings import Rows
from assets.progress import Advance

DISTANCE, MARGIN = 0, 1
_LEAST_FRONT, _LARGEST_FRONT = 128, 2048


def take_farthest(
    distances: Distances,
    picks: int,
    candidates: npt.NDArray[np.bool_],
    kind: int,
    terms: npt.NDArray[np.float64],
    factor: float,
    advance: Advance,
) -> npt.NDArray[np.float64]:
    """Take `picks` candidates into `distances`; returns (picks,) float64, what each was worth when it was taken.

    The worth of a row at distance x is `terms[row]` times x (`DISTANCE`, terms at least 0), or `terms[row]` less
    `factor` times the cosine (`MARGIN`, factor at least 0). Ties go to the lower row. There must be enough candidates.
    `advance` is told of each front the rows taken.
    Cost: O(d) for each pair of a row taken and a row in the front, O(n) for each front; at most O(n k d).
    """
    gains = np.empty(picks)
    bounds = np.full(len(candidates), -np.inf)
    _enter(bounds, np.flatnonzero(candidates), kind, terms, factor, distances.squared)
    done, size = 0, _LEAST_FRONT
    while done < picks:
        rows, behind = _front(bounds, size)
        distances.refresh(rows)
        taken, worth = _run(
            rows,
            distances.vectors[rows],
            behind,
            bounds[behind] if behind >= 0 else -np.inf,
            picks - done,
            kind,
            terms,
            factor,
            distances.count,
            distances.vectors,
            distances.lengths,
            distances.slack,
            distances.squared,
            distances.nearest,
        )
        distances.take(taken)
        distances.seen[rows] = distances.count
        _enter(bounds, rows, kind, terms, factor, distances.squared)
        bounds[taken] = -np.inf
        gains[done : done + len(taken)] = worth
        done += len(taken)
        advance(len(taken))
        # A front that lasts for few steps costs more to draw than to keep up; one that lasts long is kept up in vain.
        size = min(2 * size, _LARGEST_FRONT) if 4 * len(taken) < size else max(size // 2, _LEAST_FRONT)
    return gains


def _front(bounds: npt.NDArray[np.float64], size: int) -> tuple[Rows, int]:
    """The `size` rows with the highest bounds, of equal ones the lower, and the row that comes next, -1 for none."""
    least = np.partition(bounds, len(bounds) - size - 1)[len(bounds) - size - 1] if size < len(bounds) else -np.inf
    if least == -np.inf:
        return np.flatnonzero(bounds > -np.inf), -1
    above, equal = np.flatnonzero(bounds > least), np.flatnonzero(bounds == least)
    inside = size - len(above)
    return np.concatenate([above, equal[:inside]]), int(equal[inside])


@numba.njit(cache=True, nogil=True)
def _worth(kind: int, term: float, factor: float, squared: float) -> float:
    if kind == DISTANCE:
        return term * math.sqrt(squared)
    return term - factor * (1.0 - squared / 2.0)


@numba.njit(cache=True, nogil=True)
def _enter(
    bounds: npt.NDArray[np.float64],
    rows: npt.NDArray[np.int64],
    kind: int,
    terms: npt.NDArray[np.float64],
    factor: float,
    squared: npt.NDArray[np.float64],
) -> None:
    for row in rows:
        bounds[row] = _worth(kind, terms[row], factor, squared[row])


@numba.njit(fastmath=True, cache=True, nogil=True)
def _product(one: npt.NDArray[np.float32], two: npt.NDArray[np.float32]) -> np.float32:
    """In whatever order is fastest: it only rules rows out, with slack for the rounding."""
    total = np.float32(0)
    for i in range(len(one)):
        total += one[i] * two[i]
    return total


@numba.njit(cache=True, nogil=True)
def _run(
    rows: npt.NDArray[np.int64],
    front: npt.NDArray[np.float32],
    behind: int,
    floor: float,
    picks: int,
    kind: int,
    terms: npt.NDArray[np.float64],
    factor: float,
    count: int,
    vectors: npt.NDArray[np.float32],
    lengths: npt.NDArray[np.float32],
    slack: float,
    squared: npt.NDArray[np.float64],
    nearest: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Take from the front what comes before the row behind it, and keep the front up to date meanwhile."""
    room = min(picks, len(rows))
    taken, gains = np.empty(room, dtype=np.int64), np.empty(room)
    worths = np.empty(len(rows))
    for place in range(len(rows)):
        worths[place] = _worth(kind, terms[rows[place]], factor, squared[rows[place]])
    for step in range(room):
        best = 0
        for place in range(1, len(rows)):
            if worths[place] > worths[best] or (worths[place] == worths[best] and rows[place] < rows[best]):
                best = place
        if worths[best] < floor or (worths[best] == floor and rows[best] > behind):
            return taken[:step], gains[:step]
        row = rows[best]
        taken[step], gains[step] = row, worths[best]
        worths[best] = -np.inf
        squared[row], nearest[row] = 0.0, count + step
        for place in range(len(rows)):
            other = rows[place]
            if squared[other] == 0.0:
                continue
            bound = lengths[other] + lengths[row] - np.float32(2) * _product(front[place], front[best])
            if bound - slack < squared[other]:
                exact = squared_distance(front[place], front[best])
                if exact < squared[other]:
                    squared[other], nearest[other] = exact, count + step
                    if worths[place] > -np.inf:
                        worths[place] = _worth(kind, terms[other], factor, exact)
    return taken, gains

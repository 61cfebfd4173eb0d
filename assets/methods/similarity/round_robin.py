"""Round-robin over several target sets, so that none of them takes all of the budget (RDS+, arXiv 2503.01807)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.orderings import Ordering


@dataclass(frozen=True)
class Turns:
    """The rows in the order in which the target sets take them; `gains` are the score of the set that takes a row.

    `set_of`: (k,) int64, which set took each row of the order.
    """

    ordering: Ordering
    set_of: npt.NDArray[np.int64]


def round_robin(scores: npt.NDArray[np.float64], picks: int, candidates: npt.NDArray[np.bool_] | None = None) -> Turns:
    """The target sets take turns, from the first to the last, each its best row that is not taken yet.

    `scores`: (t, n) float64, one row a target set, higher = more like it, such as `Nearest.best`; NaN: this set cannot
    take the row. Only `candidates`, (n,) (default: all), are taken. Ties go to the lower row. A set that has nothing
    left is passed over, and the order ends, with fewer than `picks`, when all have. Raises `DataError` for no sets and
    for `picks` below 0. Cost: O(t n log n), then O(1) for each row that a set looks at. Memory: about 40 t
    min(n, picks) bytes, and 20 n while a set is sorted.
    """
    if scores.ndim != 2 or not len(scores):
        raise DataError(f"scores {scores.shape}: expected one row for each target set, at least one")
    if picks < 0:
        raise DataError(f"picks: expected at least 0, not {picks}")
    rows = scores.shape[1]
    open_rows = np.ones(rows, dtype=np.bool_) if candidates is None else candidates
    waiting = [iter(_best(each, open_rows, picks)) for each in scores]
    taken = np.zeros(rows, dtype=np.bool_)
    order: list[int] = []
    set_of: list[int] = []
    turns = list(range(len(scores)))
    while turns and len(order) < picks:
        for number in turns.copy():
            row = next((row for row in waiting[number] if not taken[row]), None)
            if row is None:
                turns.remove(number)
            elif len(order) < picks:
                taken[row] = True
                order.append(row)
                set_of.append(number)
    chosen, sets = np.array(order, dtype=np.int64), np.array(set_of, dtype=np.int64)
    nothing = np.full(rows, np.nan, dtype=np.float32)
    return Turns(Ordering(chosen, scores[sets, chosen], np.full(rows, -1, dtype=np.int64), nothing), sets)


def _best(scores: npt.NDArray[np.float64], candidates: npt.NDArray[np.bool_], picks: int) -> list[int]:
    """The `picks` best rows, best first; no set can come to need more, as only `picks` rows are taken in all."""
    rows = np.flatnonzero(candidates & ~np.isnan(scores))
    best: list[int] = rows[np.argsort(-scores[rows], kind="stable")[:picks]].tolist()
    return best

"""Budgets: how far down a ranking a budget reaches, and how the rankings of several cells are dealt into one.

What belongs here: costs in the order of a ranking, in rows or tokens. How much each cell gets belongs to `quotas`; the
rankings, to the methods that make them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cut:
    """What a budget takes of a ranking: `taken` (k,), what that costs, and the rows that it passed over.

    `passed_over`: rows too dear for what was left of the budget though one further down was taken; what comes after
    the last row taken is beyond the budget and is not counted.
    """

    taken: npt.NDArray[np.bool_]
    spent: int
    passed_over: int


@dataclass(frozen=True)
class Dealing:
    """The rows of several cells in one order: `cells` (k,), the cell of each rank; `turns` (k,), its number there."""

    cells: Rows
    turns: Rows


def cut(costs: Rows, budget: int) -> Cut:
    """Go down a ranking and take each row that fits into what is left of the budget; pass over those that do not.

    `costs`: (k,) the cost of each row, best first, at least 1 (tokens; all 1 where the budget is in rows). The rows
    taken never cost more than `budget`, and no row left out would still fit. Raises `DataError` for a cost below 1
    and a budget below 0. Cost: O(k).
    """
    _check_costs(costs)
    if budget < 0:
        raise DataError(f"a budget of {budget}; expected at least 0")
    taken = _taken(np.ascontiguousarray(costs, dtype=np.int64), budget)
    last = np.flatnonzero(taken)[-1] + 1 if taken.any() else 0
    return Cut(taken, int(costs[taken].sum()), int(last - taken[:last].sum()))


def deal(seats: Rows, costs: Sequence[Rows] | None = None) -> Dealing:
    """Merge the rankings of c cells so that every prefix has about the shares of the whole.

    `seats`: (c,) what each cell gets, in the unit of the costs. `costs`: for each cell the costs of its rows, best
    first; None: each seat is a row. The next row comes from the cell with the lowest (spent + half its cost) / seats,
    ties to the lower cell: Webster's method, made to count costs. Rows of a cell without seats come last. Raises
    `DataError` for costs and seats that do not fit. Cost: one sort of the k rows, O(k log k); 1,000,000 in 0.3 s.
    """
    if len(seats) and seats.min() < 0:
        raise DataError(f"cell {int(seats.argmin())} has {seats.min()} seats; expected at least 0")
    if costs is not None and len(costs) != len(seats):
        raise DataError(f"costs of {len(costs)} cells for seats of {len(seats)}; expected as many")
    sizes = seats if costs is None else np.array([len(part) for part in costs], dtype=np.int64)
    cells = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.cumsum(sizes) - sizes
    turns = np.arange(len(cells)) - starts[cells]
    flat = np.ones(len(cells), dtype=np.int64) if costs is None else np.concatenate([np.zeros(0, np.int64), *costs])
    _check_costs(flat)
    total = np.concatenate([[0], np.cumsum(flat)])
    spent = total[:-1] - total[starts[cells]]
    keys = np.full(len(cells), np.inf)
    np.divide(2 * spent + flat, 2 * seats[cells], out=keys, where=seats[cells] > 0)
    order = np.lexsort((turns, cells, keys))  # turns too: without seats, or where keys round alike, rank decides
    return Dealing(cells[order], turns[order])


def _check_costs(costs: Rows) -> None:
    if len(costs) and costs.min() < 1:
        raise DataError(f"a row costs {costs.min()}; expected at least 1")


@numba.njit(cache=True, nogil=True)
def _taken(costs: npt.NDArray[np.int64], budget: int) -> npt.NDArray[np.bool_]:
    taken = np.zeros(len(costs), np.bool_)
    left = budget
    for row in range(len(costs)):
        if costs[row] <= left:
            taken[row] = True
            left -= costs[row]
            if left == 0:
                break
    return taken

"""Conflicts: which few of the sums that a table of seats must have cannot hold together.

What belongs here: the search for a set of bounds of which none can be left out. Its words belong to `clashes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.methods.quotas.programs import Cells, Column, Floats, incidence, priced, solve

_TRIALS = 200


@dataclass(frozen=True)
class Bound:
    """One half of what a value of a column must have: at least (`floor`) or at most `amount`; `row` of the program."""

    column: Column
    value: int
    row: int
    floor: bool
    amount: int


def conflict(problem: Problem) -> list[Bound]:
    """The bounds that cannot hold together; there must be no table that keeps all the bounds of the problem.

    None of them can be left out, or the others hold together (QuickXplain: Junker 2004); unless they are about a
    hundred or more, which are not all tried. Large numbers are preferred, and the budget is named last. Cost: one
    linear program of c cells and all bounds, and at most some 200 of c cells and the bounds that the first runs into;
    a second or two at thousands of cells.
    """
    bounds = _bounds(problem.cells, problem.columns)
    tight = problem.tight(bounds)
    for part in [*_parts(problem, tight), tight, bounds]:
        if not problem.holds(part):
            return _smallest([], part, _Trials(problem, _TRIALS), False)
    return bounds


@dataclass(frozen=True)
class Problem:
    """The table that is asked for: its cells, its columns (the last is that of the budget), and who is in which sum."""

    cells: Cells
    columns: Sequence[Column]
    sums: Any

    @classmethod
    def of(cls, cells: Cells, columns: Sequence[Column]) -> Problem:
        """The problem of a table that is to have the sums of these columns."""
        return cls(cells, columns, incidence(columns))

    def holds(self, bounds: Sequence[Bound]) -> bool:
        """Whether a table keeps these bounds, if only in fractions."""
        return self._solved(bounds, np.zeros(len(self.cells.low))) is not None

    def tight(self, bounds: list[Bound]) -> list[Bound]:
        """Those that cannot hold together because each stands in the way of falling short of them by less in total.

        By the duality of linear programs the bounds with a price in the least total shortfall do not hold by
        themselves.
        """
        from scipy.sparse import diags_array, hstack

        floors = np.array([bound.floor for bound in bounds])
        amounts = np.array([bound.amount for bound in bounds], dtype=np.float64)
        c, b = len(self.cells.low), len(bounds)
        found = priced(
            np.concatenate([np.zeros(c), np.ones(b)]),
            hstack([self.sums[[bound.row for bound in bounds]], diags_array(np.where(floors, 1.0, -1.0))]),
            (np.where(floors, amounts, -np.inf), np.where(floors, np.inf, amounts)),
            (np.append(self.cells.low, np.zeros(b)), np.append(self.cells.high, np.full(b, np.inf))),
        )
        if found is None:
            return bounds
        return [bound for bound, price in zip(bounds, found[1], strict=True) if abs(price) > 1e-7]

    def reach(self, bound: Bound, others: Sequence[Bound]) -> int | None:
        """The most, or for an upper bound the least, that its value can have if the others hold; None if not."""
        cost = np.where(bound.column.codes == bound.value, -1.0 if bound.floor else 1.0, 0.0)
        found = self._solved(others, cost)
        if found is None:
            return None
        total = float(found[bound.column.codes == bound.value].sum())
        return int(np.floor(total + 1e-6)) if bound.floor else int(np.ceil(total - 1e-6))

    def _solved(self, bounds: Sequence[Bound], cost: Floats) -> Floats | None:
        rows = sorted({bound.row for bound in bounds})
        place = {row: index for index, row in enumerate(rows)}
        least, most = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
        for bound in bounds:
            (least if bound.floor else most)[place[bound.row]] = bound.amount
        return solve(cost, self.sums[rows], (least, most), (self.cells.low, self.cells.high))


def _bounds(cells: Cells, columns: Sequence[Column]) -> list[Bound]:
    """All bounds that say something; the first are preferred in the set that is named: large ones, the budget last."""
    found, start = [], 0
    for column in columns:
        size = len(column.values)
        low = np.bincount(column.codes, cells.low, size)
        high = np.bincount(column.codes, cells.high, size)
        for value in range(size):
            if column.least[value] > low[value]:
                found.append(Bound(column, value, start + value, True, int(column.least[value])))
            if column.most[value] < high[value]:
                found.append(Bound(column, value, start + value, False, int(column.most[value])))
        start += size
    return sorted(found, key=lambda bound: (not bound.column.name, -bound.amount, bound.row, not bound.floor))


def _smallest(kept: list[Bound], bounds: list[Bound], holds: Callable[[list[Bound]], bool], grown: bool) -> list[Bound]:
    """The bounds of which none can be left out that, together with `kept`, do not hold: by halving."""
    if grown and not holds(kept):
        return []
    if len(bounds) == 1:
        return bounds
    first, second = bounds[: len(bounds) // 2], bounds[len(bounds) // 2 :]
    of_second = _smallest(kept + first, second, holds, True)
    of_first = _smallest(kept + of_second, first, holds, bool(of_second))
    return of_first + of_second


class _Trials:
    """Whether bounds hold together, tried a number of times; then it says yes, so that no more are left out."""

    def __init__(self, problem: Problem, trials: int) -> None:
        self._problem, self._left = problem, trials

    def __call__(self, bounds: Sequence[Bound]) -> bool:
        self._left -= 1
        return self._left < 0 or self._problem.holds(bounds)


def _parts(problem: Problem, bounds: list[Bound]) -> list[list[Bound]]:
    """The bounds, without the budget, in sets that have no cell in common."""
    from scipy.sparse.csgraph import connected_components

    named = [bound for bound in bounds if bound.column.name]
    if not named:
        return []
    rows = problem.sums[[bound.row for bound in named]].multiply(problem.cells.high > 0).tocsr()
    count, part = connected_components(rows @ rows.T, directed=False)
    return [[bound for bound, number in zip(named, part, strict=True) if number == i] for i in range(count)]

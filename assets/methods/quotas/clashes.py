"""Clashes: what cannot hold together, in one sentence with numbers.

What belongs here: the words. Which bounds clash is found in `conflicts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from assets.methods.apportionment import counted, listed
from assets.methods.quotas.conflicts import Bound, Problem, conflict
from assets.methods.quotas.margins import NAME_LIMIT, shown
from assets.methods.quotas.programs import Cells, Column
from assets.tables import escape


def clash(cells: Cells, columns: Sequence[Column], budget: int, unit: str) -> str:
    """One sentence: the settings, the bounds that cannot hold together, their numbers, and what could be had at most.

    The last column is that of the budget: one value, all cells. There must be no table that keeps all the bounds.
    Cost: that of `conflict`.
    """
    problem = Problem.of(cells, columns)
    found = conflict(problem)
    settings = sorted({bound.column.setting for bound in found if bound.column.setting})
    words = _outside(problem, found, budget, unit) or _overlap(problem, found, budget, unit)
    return f"{' and '.join(settings)}: {words or _any_shape(problem, found, unit)}"


def _place(bound: Bound) -> tuple[int, bool]:
    return bound.row, bound.floor


def _outside(problem: Problem, found: list[Bound], budget: int, unit: str) -> str | None:
    """The sentence for values of one column that are to have more than those of another and the rest can give."""
    floors, limits = [b for b in found if b.floor], [b for b in found if not b.floor]
    if len({b.column.name for b in floors}) != 1 or len({b.column.name for b in limits}) != 1:
        return None
    inside, limited = _of(floors), _of(limits)
    outside = int(problem.cells.high[inside & ~limited].sum())
    taken = int(problem.cells.low[limited & ~inside].sum())
    wanted, given = _total(floors), _total(limits)
    if wanted <= given - taken + outside or not limits[0].column.name:
        return None
    by_must = f", {taken:,} of it taken by rows that must be in" if taken else ""
    rows = f"only {counted(outside, unit)}" if outside else f"no {unit}"
    them = "it" if len(limits) == 1 else "them"
    of = _named(floors) if len(floors) == 1 else "these"
    return (
        f"{_has(floors, budget, unit)}, but {_has(limits, None, unit)}{by_must}, and {rows} of {of} "
        f"{'is' if outside == 1 else 'are'} outside of {them}: at most {max(0, given - taken + outside):,}"
    )


def _overlap(problem: Problem, found: list[Bound], budget: int, unit: str) -> str | None:
    """The sentence for values of two columns that need more than the budget, because too few rows are of both."""
    floors, limits = [b for b in found if b.floor], [b for b in found if not b.floor]
    names = sorted({b.column.name for b in floors})
    if len(names) != 2 or len(limits) != 1 or limits[0].column.name:
        return None
    one, other = ([b for b in floors if b.column.name == name] for name in names)
    both = int(problem.cells.high[_of(one) & _of(other)].sum())
    taken = int(problem.cells.low[~_of(one) & ~_of(other)].sum())
    need = _total(one) + _total(other) - both
    if need <= budget - taken:
        return None
    rows = f"only {counted(both, unit)} {'is' if both == 1 else 'are'}" if both else f"no {unit} are"
    others = f" beside {counted(taken, unit)} that must be in" if taken else ""
    return (
        f"{_has(one, budget, unit)} and {_has(other, None, unit)}, but {rows} of both: together they need "
        f"{need:,}{others}"
    )


def _any_shape(problem: Problem, found: list[Bound], unit: str) -> str:
    """The sentence for every other shape: each bound, and what one of them can come to if the others hold."""
    ordered = sorted(found, key=lambda b: (not b.column.name, not b.floor, b.row))  # the budget is changed last
    groups: dict[tuple[str, bool], list[Bound]] = {}
    for bound in ordered:
        groups.setdefault((bound.column.name, bound.floor), []).append(bound)
    *parts, last = [_has(group, None, unit) for group in groups.values()]
    reach = problem.reach(ordered[0], ordered[1:])
    words = f"{', '.join(parts)} and {last}" if parts else last
    words += ": these cannot hold together"
    if reach is None:
        return words
    most = "most" if ordered[0].floor else "least"
    return f"{words}; if the others hold, {_named(ordered[:1])} can have at {most} {counted(reach, unit)}"


def _total(bounds: Sequence[Bound]) -> int:
    return sum(bound.amount for bound in bounds)


def _of(bounds: Sequence[Bound]) -> npt.NDArray[np.bool_]:
    """The cells of the values of these bounds, all of one column."""
    return np.isin(bounds[0].column.codes, [bound.value for bound in bounds])


def _named(bounds: Sequence[Bound]) -> str:
    column = bounds[0].column
    if len(bounds) == 1:
        return shown(column.name, column.values[bounds[0].value])
    names = listed([column.values[bound.value] for bound in sorted(bounds, key=_place)])
    return f"{escape(column.name, NAME_LIMIT)} {names}"


def _has(bounds: Sequence[Bound], budget: int | None, unit: str) -> str:
    """What the values of these bounds, all of one column and one direction, are to have together."""
    column, total = bounds[0].column, _total(bounds)
    if not column.name:
        return f"the budget is {counted(total, unit)}"
    exact = all(column.least[bound.value] == column.most[bound.value] for bound in bounds)
    least = "" if exact else "at least " if bounds[0].floor else "at most "
    amount = counted(total, unit) if budget is None else f"{total:,} of {counted(budget, unit)}"
    verb, together = ("is", "") if len(bounds) == 1 else ("are", " together")
    return f"{_named(bounds)} {verb} to have {least}{amount}{together}"

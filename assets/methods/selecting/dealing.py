"""Dealing: the rankings of all groups made into one, and what no group could spend by itself.

What belongs here: the order of rows of different groups. Gains of different groups are not comparable, and so nothing
here looks at them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assets.methods.budgets import deal
from assets.methods.orderings import Rows
from assets.methods.selecting.filling import Filled, Part


def dealt(
    rows_of: Sequence[Rows], parts: Sequence[Filled], seats: Rows, costs: Rows | None, budget: int, size: int
) -> Part:
    """The rows of all groups in one ranking, as rows of the pool, so that every prefix has about their shares.

    `rows_of`: for each group its rows in the pool of `size` rows; `parts`: how it was filled; `seats`: (c,) what it was
    to get, `budget` in all. `costs`: (size,) tokens, None where the budget is in rows.
    """
    paid = np.ones(size, dtype=np.int64) if costs is None else costs
    taken = [_in_pool(rows, part.taken) for rows, part in zip(rows_of, parts, strict=True)]
    if costs is not None:
        beyond = [_in_pool(rows, part.beyond) for rows, part in zip(rows_of, parts, strict=True)]
        taken = _with_leftovers(taken, beyond, seats, costs, budget)
    # By what groups have, not by what they were to get: some have fewer rows than seats.
    spent = np.array([int(paid[part.order].sum()) for part in taken], dtype=np.int64)
    dealing = deal(spent, [paid[part.order] for part in taken])
    starts = np.cumsum([0, *(len(part.order) for part in taken)])
    return Part.joined(taken)[starts[dealing.cells] + dealing.turns]


def _in_pool(rows: Rows, part: Part) -> Part:
    return Part(rows[part.order], part.gains, part.phases)


def _with_leftovers(taken: list[Part], beyond: list[Part], seats: Rows, costs: Rows, budget: int) -> list[Part]:
    """What no single group could spend, because its next row is longer, buys rows of those with most left over.

    One row each at most, so that a group gets more than its seats by less than a row of its own.
    """
    spent = np.array([int(costs[part.order].sum()) for part in taken], dtype=np.int64)
    left = budget - int(spent.sum())
    result = list(taken)
    for cell in np.lexsort((np.arange(len(taken)), spent - seats)).tolist():
        if left <= 0 or spent[cell] >= seats[cell]:
            break
        more = beyond[cell][np.flatnonzero(costs[beyond[cell].order] <= left)[:1]]
        result[cell] = Part.joined([taken[cell], more])
        left -= int(costs[more.order].sum())
    return result

"""Notes: what did not go as asked when a subset was chosen, in one sentence each. Every name in them is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assets.methods.apportionment import counted
from assets.methods.quotas.plans import Plan
from assets.methods.selecting.filling import SUSPECTED, Part
from assets.methods.selecting.scores import Mask
from assets.tables import escape

if TYPE_CHECKING:
    from assets.methods.selecting.select import Pool, Wanted


def notes(pool: Pool, wanted: Wanted, planned: Plan, may: Mask, chosen: Part) -> list[str]:
    """Suspected rows that were taken after all, seats that stayed empty, and rows without a score.

    `may`: (n,) the rows that could be chosen; `chosen`: as rows of the pool.
    """
    found = []
    suspected = planned.cells[chosen.order[chosen.phases == SUSPECTED]]
    for cell, count in zip(*(each.tolist() for each in np.unique(suspected, return_counts=True)), strict=True):
        rows = (
            "1 row with a suspected label fills a seat"
            if count == 1
            else f"{count:,} rows with suspected labels fill seats"
        )
        found.append(f"{named(planned, cell)}: {rows} for want of others")
    found += _unspent(pool, wanted, planned, may, chosen)
    for score in wanted.scores:
        name = escape(score.name, 60)
        # Rows that must be in are, with a score or without.
        if left_out := int((score.left_out & ~pool.required).sum()):
            found.append(f"{counted(left_out, 'rows')} without {name} {_were(left_out)} left out")
        if score.filled:
            what = f"{counted(score.filled, 'rows')} without {name} {_were(score.filled)}"
            found.append(f"{what} given a value as the settings say")
    return found


def _unspent(pool: Pool, wanted: Wanted, planned: Plan, may: Mask, chosen: Part) -> list[str]:
    costs = np.ones(len(may), dtype=np.int64) if pool.costs is None else pool.costs
    unit = "rows" if pool.costs is None else "tokens"
    asked, spent = int(planned.seats.sum()), int(costs[chosen.order].sum())
    is_left = may.copy()
    is_left[chosen.order] = False
    by_group = np.bincount(planned.cells[chosen.order], costs[chosen.order], len(planned.seats)).astype(np.int64)
    if (is_left & (costs <= (planned.seats - by_group)[planned.cells])).any():
        # Only one method leaves seats empty that a row of their group would fit.
        most = f"{wanted.method.max_similarity:g}"
        why = f"every other row that fits has a cosine above {most} to one that was taken"
    elif (is_left & (costs <= asked - spent)).any():
        why = "by the quotas no group gets another row that fits"
    else:  # that the pool has less than was asked for is said by the plan
        return []
    return [f"{spent:,} of {asked:,} {unit} spent: {why}"]


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def named(planned: Plan, cell: int) -> str:
    """A group in a sentence: its values, or "the pool" where there is one group only."""
    values = planned.names[cell]
    return " / ".join(f"'{escape(value, 60)}'" for value in values) if values else "the pool"

"""Churn: how many rows of an earlier subset each group keeps, so that no more of them leave than may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assets.errors import DataError
from assets.methods.budgets import cut
from assets.methods.orderings import Rows
from assets.methods.quotas.plans import Plan

if TYPE_CHECKING:
    from assets.methods.selecting.scores import Mask
    from assets.methods.selecting.select import Pool


def keep_by_group(pool: Pool, planned: Plan, may: Mask, needed: int) -> Rows:
    """(c,) rows of the earlier subset that each group must keep, `needed` in all: in proportion to what it could keep.

    A group cannot keep more than it has, nor more than its seats hold. Required rows that were in before count as
    kept. Raises `DataError` with the numbers where `needed` cannot be kept.
    """
    costs = np.ones(len(may), dtype=np.int64) if pool.costs is None else pool.costs
    count = len(planned.names)
    before = pool.previous & may
    free = before & ~pool.required
    required = np.bincount(planned.cells, costs * pool.required, count).astype(np.int64)
    room = np.maximum(planned.seats - required, 0)
    # The cheapest ones show how many fit at most; in rows that is simply the seats.
    rows = np.flatnonzero(free)
    rows = rows[np.lexsort((costs[rows], planned.cells[rows]))]
    starts = np.searchsorted(planned.cells[rows], np.arange(count + 1))
    cheapest = [costs[rows[starts[cell] : starts[cell + 1]]] for cell in range(count)]
    most = np.array([int(cut(each, int(room[cell])).taken.sum()) for cell, each in enumerate(cheapest)], dtype=np.int64)
    wanted = needed - int((before & pool.required).sum())
    if wanted > most.sum():
        kept = int(most.sum() + (before & pool.required).sum())
        raise DataError(
            f"at least {needed:,} rows of the previous subset must stay, but {int(before.sum()):,} of them can be "
            f"chosen now, and budget and quotas have room for {kept:,}; raise churn, or the budget"
        )
    if wanted <= 0:
        return np.zeros(count, dtype=np.int64)
    keep: Rows = wanted * most // most.sum()
    by_remainder = np.lexsort((np.arange(count), -(wanted * most % most.sum())))
    keep[by_remainder[: wanted - int(keep.sum())]] += 1
    return keep

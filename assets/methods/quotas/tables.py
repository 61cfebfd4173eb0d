"""Tables of seats: whole numbers in the cells of several columns, whose sums by value of each column are given.

What belongs here: the table nearest to the pool's own. What the sums are to be is decided in `margins`, how far those
that may bend have to in `bending`; why there is no table at all is told in `clashes`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assets.errors import DataError
from assets.methods.quotas.bending import Bending, least_bending, may_bend, with_bends
from assets.methods.quotas.programs import Cells, Column, Floats, Rows, incidence, solve, stacked
from assets.methods.quotas.raking import Sums, rake


def nearest_table(cells: Cells, columns: Sequence[Column]) -> Rows | None:
    """Seats, shape (c,): the table in whole numbers that is nearest to the pool's own and keeps the sums.

    Every hard bound holds exactly. The sums that may bend miss what is asked by as little as possible in total, and
    of all ways to do so by as even a part of what is asked as possible (`least_bending`). With these sums the table is
    that of least relative entropy to the pool's own (`rake`), each cell rounded up or down, where that can be, so that
    the sum of absolute differences is least. None if no table keeps the hard bounds, not even in fractions.

    Raises `DataError` if none in whole numbers is found though there is one in fractions; with two columns there
    always is one, for the sums are then those of a flow. Cost: a few linear programs of c cells, and from three columns
    on perhaps a search that ends after 2,000 branches. 2,310 cells of three columns take 0.2 s, up to 2 s where sums
    bend; 15,000 cells of two, 1 s.
    """
    bending = least_bending(cells, columns)
    if bending is None:
        return None
    sizes, low, high = (part.astype(np.float64) for part in (cells.sizes, cells.low, cells.high))
    ideal = rake(sizes, low, high, _to_rake(columns, bending.sums))
    # In whole numbers a sum may have to bend further than in fractions.
    far = Bending(np.full(len(bending.most), int(cells.high.sum())), bending.sums, np.inf)
    for narrow, allowed in ((True, bending), (False, bending), (False, far)):
        seats = _rounded(cells, columns, ideal, allowed, narrow)
        if seats is not None:
            return seats
    settings = " and ".join(sorted({column.setting for column in columns if column.setting}))
    raise DataError(
        f"{settings}: the shares and minimums can be kept together in fractions of a row, but no way in whole rows was "
        "found; expected a budget that differs by a row or two, or a column less"
    )


def _to_rake(columns: Sequence[Column], sums: Floats) -> list[Sums]:
    raked, start = [], 0
    for column in columns:
        part = sums[start : start + len(column.values)]
        least, most = np.where(column.settled, part, column.least), np.where(column.settled, part, column.most)
        raked.append(Sums(column.codes, least.astype(np.float64), most.astype(np.float64)))
        start += len(column.values)
    return raked


def _rounded(cells: Cells, columns: Sequence[Column], ideal: Floats, bending: Bending, narrow: bool) -> Rows | None:
    """The whole numbers nearest to `ideal` that keep the sums, or None; soft sums bend as allowed, dearly.

    A cell is its floor plus a part of one, at a slope of 1 - 2 x its fraction, and unless it is to be `narrow`, less
    some or plus more, at a slope of 1: the absolute difference at whole numbers, and for two columns a flow, whose
    best vertex is whole by itself.
    """
    from scipy.sparse import hstack

    floor = np.clip(np.floor(ideal), cells.low, cells.high).astype(np.int64)
    fraction = np.clip(ideal - floor, 0.0, 1.0)
    soft, asked = may_bend(columns)
    c, s, sums, room = len(floor), len(soft), incidence(columns), cells.high - floor
    held, ways = sums @ floor, 1 if narrow else 3
    moves = hstack([sums, -sums, sums][:ways]).tocsr()
    least = np.concatenate([stacked(columns, "least") - held, asked - held[soft]])
    most = np.concatenate([stacked(columns, "most") - held, asked - held[soft]])
    rooms = [np.minimum(room, 1), floor - cells.low, np.maximum(room - 1, 0)][:ways]
    high = np.concatenate([*rooms, bending.most, bending.most])
    # One more seat of bending is dearer than any detour that avoids it.
    costs = [1 - 2 * fraction, np.ones(c), np.ones(c)][:ways]
    cost = np.concatenate([*costs, np.full(2 * s, 2.0 * (c + 1))])
    for whole in (False, True):
        found = solve(cost, with_bends(moves, moves[soft]), (least, most), (np.zeros(len(cost)), high), whole)
        if found is None:
            return None
        near = np.rint(found).astype(np.int64)
        if np.abs(found - near).max(initial=0.0) > 1e-6 or near[ways * c :].sum() > np.ceil(bending.total - 1e-6):
            continue
        up, *others = near[: ways * c].reshape(ways, c)
        seats: Rows = floor + up + (others[1] - others[0] if others else 0)
        if _keeps(cells, columns, sums @ seats, seats):
            return seats
    return None


def _keeps(cells: Cells, columns: Sequence[Column], by_value: Floats, seats: Rows) -> bool:
    within = np.all(stacked(columns, "least") <= by_value) and np.all(by_value <= stacked(columns, "most"))
    return bool(within and np.all(cells.low <= seats) and np.all(seats <= cells.high))

"""Bending: how far the sums of a table of seats that may bend have to, so that a table keeps those that may not.

What belongs here: the least total, spread as evenly as it can be. The table itself belongs to `tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.methods.quotas.programs import Cells, Column, Floats, Rows, incidence, priced, solve, stacked

_ROUNDS = 20


@dataclass(frozen=True)
class Bending:
    """What has to bend.

    `most`: (s,) by how much each of the sums that may bend does so at most, in the order of the stacked values.
    `sums`: the sum of every value of every column in one table that bends no further, in fractions. `total`: the least
    total of the bends.
    """

    most: Rows
    sums: Floats
    total: float


def least_bending(cells: Cells, columns: Sequence[Column]) -> Bending | None:
    """The bends of the least total that keep all hard bounds; None if there are none.

    Of all ways to that total it is the one in which the largest part by which any sum misses what is asked is least,
    then the second largest, and so on for 20 different parts. Cost: two linear programs of c cells and s sums where
    something bends, one where nothing does, and one more for each part.
    """
    from scipy.sparse import csr_matrix, eye, hstack, vstack

    soft, asked = may_bend(columns)
    c, s, sums = len(cells.low), len(soft), incidence(columns)
    # x, then by how much each soft sum is above what is asked, then by how much below.
    program = with_bends(sums, sums[soft])
    least = np.concatenate([stacked(columns, "least"), asked])
    most = np.concatenate([stacked(columns, "most"), asked])
    low = np.concatenate([cells.low, np.zeros(2 * s)])
    high = np.concatenate([cells.high, np.full(2 * s, np.inf)])
    total = np.concatenate([np.zeros(c), np.ones(2 * s)])
    found = solve(total, program, (least, most), (low, high))
    if found is None:
        return None
    bent = float(found[c:].sum())
    if bent < 0.5:
        by_value = np.asarray(sums @ found[:c])
        by_value[soft] = asked
        return Bending(np.zeros(s, dtype=np.int64), by_value, 0.0)
    # The same total again, and each bend at most a part t of what is asked, or what an earlier round has settled.
    program = vstack([program, csr_matrix(total), hstack([csr_matrix((s, c)), eye(s), eye(s)])])
    least = np.concatenate([least, np.full(s + 1, -np.inf)])
    limits = (np.append(low, 0), np.append(high, np.inf))
    scale, caps, settled = np.maximum(asked, 1.0), np.zeros(s), np.zeros(s, dtype=np.bool_)
    for _ in range(_ROUNDS):
        part = np.concatenate([np.zeros(len(least) - s), np.where(settled, 0.0, -scale)])[:, None]
        bounds = (least, np.concatenate([most, [bent + 1e-6], np.where(settled, caps, 0.0)]))
        spread = priced(np.append(np.zeros(c + 2 * s), 1.0), hstack([program, csr_matrix(part)]), bounds, limits)
        if spread is None:  # the solver's rounding stands in the way: the table of the round before will do
            break
        found, prices = spread
        caps = np.where(settled, caps, found[-1] * scale)
        now = ~settled & (np.abs(prices[-s:]) > 1e-9)
        settled |= now
        if settled.all() or not now.any() or found[-1] < 1e-9:
            break
    bends = caps if caps.any() else found[c : c + s] + found[c + s : c + 2 * s]
    return Bending(np.ceil(bends - 1e-6).astype(np.int64), np.asarray(sums @ found[:c]), bent)


def may_bend(columns: Sequence[Column]) -> tuple[Rows, Floats]:
    """Which of the stacked values may bend, and what is asked for each of them."""
    flags = np.concatenate([np.full(len(column.values), column.asked is not None) for column in columns])
    asked = [column.asked for column in columns if column.asked is not None]
    return np.flatnonzero(flags), np.concatenate([np.zeros(0), *asked])


def with_bends(moves: Any, soft: Any) -> Any:
    """The rows of `moves`, then those of `soft`, the latter with a way up and a way down for each row."""
    from scipy.sparse import csr_matrix, eye, hstack, vstack

    s = soft.shape[0]
    if not s:
        return moves
    return vstack([hstack([moves, csr_matrix((moves.shape[0], 2 * s))]), hstack([soft, -eye(s), eye(s)])])

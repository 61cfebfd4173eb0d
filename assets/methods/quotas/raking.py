"""Raking: the table most like a given one whose sums are those asked for.

What belongs here: tables in fractions, by iterative proportional fitting (Deming and Stephan 1940). Whole numbers
belong to `tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assets.methods.quotas.programs import Floats, Rows

_SWEEPS = 200
_STEPS = 60
_CLOSE = 1e-9
_TINY, _HUGE = 1e-200, 1e200


@dataclass(frozen=True)
class Sums:
    """Between what the cells of each value of one column are to sum: `codes` (c,), `least` and `most` (k,)."""

    codes: Rows
    least: Floats
    most: Floats


def rake(sizes: Floats, low: Floats, high: Floats, columns: Sequence[Sums]) -> Floats:
    """The table, shape (c,), of least relative entropy to `sizes` that keeps the sums, each cell from `low` to `high`.

    It is clip(size x one factor for each value of the cell, low, high). The factors of one column are found while
    those of the others are held, column after column: ascent on the dual problem, which for a plain table is
    iterative proportional fitting. Where a sum has room, its factor is 1 unless a bound would be broken. There must be
    a table that keeps the sums; they hold as nearly as 200 sweeps bring them, which for a table with many empty cells
    may be a few parts in a thousand. Cost: O(c) a sweep.
    """
    factors = [np.ones(len(column.least)) for column in columns]
    table = np.clip(sizes, low, high)
    for _ in range(_SWEEPS):
        before = table
        for index, column in enumerate(columns):
            base = sizes
            for other, others in enumerate(columns):
                if other != index:
                    base = base * factors[other][others.codes]
            factors[index] = _factors(base, low, high, column, factors[index])
            table = np.clip(base * factors[index][column.codes], low, high)
        if np.abs(table - before).max(initial=0.0) <= _CLOSE * table.max(initial=1.0):
            break
    return table


def _factors(base: Floats, low: Floats, high: Floats, column: Sums, start: Floats) -> Floats:
    """The factor of each value with which its clipped cells sum to within its bounds: Newton's method in brackets."""
    codes, k = column.codes, len(column.least)
    plain = np.bincount(codes, np.clip(base, low, high), k)
    target = np.clip(plain, column.least, column.most)
    factor = np.where(target == plain, 1.0, start)
    below, above = np.zeros(k), np.full(k, _HUGE)
    for _ in range(_STEPS):
        scaled = base * factor[codes]
        gap = target - np.bincount(codes, np.clip(scaled, low, high), k)
        if np.all(np.abs(gap) <= _CLOSE * np.maximum(target, 1.0)):
            break
        free = np.bincount(codes, np.where((scaled > low) & (scaled < high), base, 0.0), k)
        below, above = np.where(gap > 0, factor, below), np.where(gap < 0, factor, above)
        step = factor + gap / np.maximum(free, _TINY)
        middle = np.where(above == _HUGE, 4 * factor, (below + above) / 2)
        inside = (free > 0) & (step > below) & (step < above)
        factor = np.where(gap == 0, factor, np.clip(np.where(inside, step, middle), _TINY, _HUGE))
    return factor

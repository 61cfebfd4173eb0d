"""Intervals and p-values for counts of chosen rows: how far a fair draw without replacement may stray.

What belongs here: statistics of counts, vectorised, that know neither groups nor classes. A pool is finite: of N rows
n are chosen, so that counts are hypergeometric and stray less than a sample from an endless population would.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_SPAN = 40.0  # log ratios are sought between -40 and 40
_STEPS = 64  # halvings of that span: the ratio to 1e-17


def fair_shortfall(chosen: npt.ArrayLike, pool: npt.ArrayLike, rows: int, drawn: int) -> Floats:
    """P(at most `chosen` of a group of `pool` rows) when `drawn` of `rows` rows are drawn at random; low = too few.

    The exact lower tail of the hypergeometric distribution, shape as broadcast. Cost: about 1 ms a thousand groups.
    """
    from scipy.stats import hypergeom

    return np.asarray(hypergeom.cdf(chosen, rows, pool, drawn), dtype=np.float64)


def fair_excess(chosen: npt.ArrayLike, pool: npt.ArrayLike, rows: int, drawn: int) -> Floats:
    """P(at least `chosen` of a group of `pool` rows) when `drawn` of `rows` rows are drawn at random; low = many."""
    from scipy.stats import hypergeom

    return np.asarray(hypergeom.sf(np.asarray(chosen) - 1, rows, pool, drawn), dtype=np.float64)


def holm(p: npt.ArrayLike) -> Floats:
    """p-values, shape (m,), corrected for there being m of them (Holm 1979): the family's error stays below a bound.

    Never lower than before, and in the same order. Valid whatever their dependence.
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    found = np.empty_like(values)
    found[order] = np.minimum(raised, 1.0)
    return found


def ratio_interval(
    chosen: npt.ArrayLike,
    pool: npt.ArrayLike,
    other_chosen: npt.ArrayLike,
    other_pool: npt.ArrayLike,
    confidence: float,
) -> tuple[Floats, Floats]:
    """Score interval of the ratio of two selection rates, (chosen / pool) / (other_chosen / other_pool).

    Each bound (g,). Koopman (1984), with the restricted maximum of Miettinen and Nurminen (1985): defined, and close to
    its nominal coverage, for no chosen row too, where the logarithmic (Katz) interval is not. 0 and infinity where the
    counts set no bound. That rows are drawn from a finite pool is in it: a rate near 1 has next to no variance.
    Cost: 64 halvings of g ratios.
    """
    from scipy.stats import norm

    x, n, y, m = np.broadcast_arrays(
        *(np.asarray(part, dtype=np.float64) for part in (chosen, pool, other_chosen, other_pool))
    )
    z = float(norm.ppf(0.5 + confidence / 2))
    bounds = []
    for wanted in (z, -z):
        low, high = np.full(x.shape, -_SPAN), np.full(x.shape, _SPAN)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            below = _score(np.exp(middle), x, n, y, m) > wanted  # the score falls as the ratio rises
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        bounds.append(np.exp((low + high) / 2))
    return np.where(x > 0, bounds[0], 0.0), np.where(y > 0, bounds[1], np.inf)


def _score(ratio: Floats, x: Floats, n: Floats, y: Floats, m: Floats) -> Floats:
    """The standardised distance of the counts from a true `ratio` of rates; positive = it is higher."""
    a, b, c = (n + m) * ratio, n * ratio + x + m + y * ratio, x + y
    other = (b - np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))) / (2 * a)
    rate = ratio * other
    variance = np.maximum(rate * (1 - rate) / n + ratio**2 * other * (1 - other) / m, 1e-300)
    found: Floats = (x / n - ratio * y / m) / np.sqrt(variance)
    return found


def share_interval(hits: npt.ArrayLike, rows: npt.ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Wilson's score interval (1927) of a share, hits / rows, each bound shape (g,); 0 to 1 where there are no rows."""
    from scipy.stats import norm

    k, n = np.broadcast_arrays(np.asarray(hits, dtype=np.float64), np.asarray(rows, dtype=np.float64))
    square = float(norm.ppf(0.5 + confidence / 2)) ** 2
    safe = np.maximum(n, 1.0)
    centre = (k + square / 2) / (safe + square)
    half = np.sqrt(square * (k * (safe - k) / safe + square / 4)) / (safe + square)
    low, high = np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)

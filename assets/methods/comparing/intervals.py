"""Intervals and tests for figures of several seeds: Student's t, corrected for what the seeds have in common.

What belongs here: numbers in, numbers out. Which strategies are compared belongs to `contrasts`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assets.errors import DataError

CONFIDENCE = 0.95
_MOST_CORRELATED = 0.99


@dataclass(frozen=True)
class Interval:
    """The mean of some figures, and `half` the width of its 95 % interval; None for a single figure, which has none.

    `p`: two-sided, of a mean as far from 0 or farther if it were 0; 1 for a single figure.
    """

    mean: float
    half: float | None
    p: float


def interval(figures: Sequence[float], correlation: float = 0.0, confidence: float = CONFIDENCE) -> Interval:
    """Student's interval of the mean of figures that are correlated in pairs.

    mean +- t s sqrt(1 / J + r / (1 - r)) for J figures of standard deviation s, with t of J - 1 degrees of freedom:
    the corrected resampled t-test of Nadeau and Bengio (2003), whose r is the share held out, so that r / (1 - r) is
    n2 / n1. Without correction (r = 0) it is the usual interval. Raises `DataError` for no figures, for one that is not
    finite, and for a correlation below 0 or above 1; above .99 it counts as .99.
    """
    found = np.asarray(figures, dtype=np.float64)
    if not len(found) or not np.isfinite(found).all():
        raise DataError(f"expected at least one figure, all finite, not {list(figures)}")
    if not 0 <= correlation <= 1:
        raise DataError(f"correlation: expected from 0 to 1, not {correlation}")
    mean, count = math.fsum(found) / len(found), len(found)
    if count == 1:
        return Interval(mean, None, 1.0)
    from scipy.special import stdtr, stdtrit

    # Differences that are equal but for rounding have none.
    spread = float(found.std(ddof=1))
    spread = 0.0 if spread <= 1e-12 * float(np.abs(found).max()) else spread
    shared = min(correlation, _MOST_CORRELATED)
    error = spread * math.sqrt(1 / count + shared / (1 - shared))
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * error
    if error == 0:
        return Interval(mean, 0.0, 1.0 if mean == 0 else 0.0)
    return Interval(mean, half, min(1.0, 2 * float(stdtr(count - 1, -abs(mean) / error))))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values: each below a level keeps the chance of any false claim among them below the level.

    Cost: O(m log m).
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return tuple(adjusted)

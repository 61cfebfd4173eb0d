"""Calibration: one temperature that makes a probe's probabilities as bold as it is right, and how far off they are.

What belongs here: temperatures and calibration errors of given logits. Temperature scaling is of Guo, Pleiss, Sun and
Weinberger 2017 (On Calibration of Modern Neural Networks). It never changes the order of a row's classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating]
Measure = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

BOUNDS = (0.05, 20.0)
"""The lowest and the highest temperature; what would lie outside is set to the bound."""

_BINS = 15
_ITERATIONS = 60
_STRIP_NUMBERS = 1_000_000


def softmax(logits: Numbers, temperature: float = 1.0) -> Measure:
    """(..., C) probabilities of logits divided by the temperature; each row sums to 1. Cost: O(n C)."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=-1, keepdims=True)
    return scaled


def temperature(logits: Numbers, classes: Rows) -> float:
    """The temperature at which (m, C) logits give the (m,) classes the least mean cross-entropy, within `BOUNDS`.

    Above 1: the probe was too bold. Without rows 1. One row more is imagined that belongs to every class in equal
    parts, as in Platt 1999: a probe that is right every time would otherwise be made certain, and all its rows alike.
    The cross-entropy is convex in 1 / temperature, so there is one minimum; Newton's step towards it is taken wherever
    it stays inside the bracket, which is halved elsewhere. Cost: O(m C) a step, mostly fewer than 10.
    """
    if not len(classes):
        return 1.0
    low, high = 1.0 / BOUNDS[1], 1.0 / BOUNDS[0]
    if _slope(logits, classes, low)[0] >= 0:
        return BOUNDS[1]
    if _slope(logits, classes, high)[0] <= 0:
        return BOUNDS[0]
    inverse = 1.0
    for _ in range(_ITERATIONS):
        slope, curvature = _slope(logits, classes, inverse)
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        following = inverse - slope / curvature if curvature > 0 else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - inverse) <= 1e-12 * inverse:
            break
        inverse = following
    return 1.0 / inverse


def _slope(logits: Numbers, classes: Rows, inverse: float) -> tuple[float, float]:
    """First and second derivative of the summed cross-entropy by 1 / temperature."""
    slope = curvature = 0.0
    imagined = 1.0 / (len(classes) + 1)  # the share of its label in every row's
    rows = max(1, _STRIP_NUMBERS // logits.shape[1])
    for begin in range(0, len(classes), rows):
        z = np.asarray(logits[begin : begin + rows], dtype=np.float64)
        p = softmax(z, 1.0 / inverse)
        mean = (p * z).sum(axis=1)
        given = z[np.arange(len(z)), classes[begin : begin + rows]]
        slope += float((mean - given - imagined * (z.mean(axis=1) - given)).sum())
        curvature += float((p * (z - mean[:, None]) ** 2).sum())
    return slope, curvature


def calibration_error(confidence: Measure, right: npt.NDArray[np.bool_]) -> float | None:
    """Expected calibration error: how far confidence and accuracy are apart; 0 to 1, lower = better; None without rows.

    `confidence`: (m,) the highest probability of each row. `right`: (m,) whether its class is the given one. Rows fall
    into 15 bins of equal width by their confidence; the error is the mean over all rows of the difference, in their
    bin, between the mean confidence and the share that is right.
    """
    if not len(confidence):
        return None
    which = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    gaps = np.bincount(which, weights=confidence - right, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(confidence))

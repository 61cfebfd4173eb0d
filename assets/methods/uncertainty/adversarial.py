"""The adversarial margin: the smallest change of a row's embedding that changes a linear probe's answer.

For a linear probe the answer changes on flat boundaries, so the nearest of them is known in closed form (the linear
case of DeepFool, Moosavi-Dezfooli, Fawzi and Frossard 2016). What small changes of the *text* do is in `edits`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from assets.errors import DataError

Numbers = npt.NDArray[np.floating]
Measure = npt.NDArray[np.float64]


def weight_distances(weights: Numbers) -> Measure:
    """(C, C) Euclidean distances between the weight vectors of the classes; exactly 0 between equal ones.

    `weights`: (C, d). Cost: O(C^2 d).
    """
    w = np.asarray(weights, dtype=np.float64)
    norms = (w * w).sum(axis=1)
    squares = np.maximum(norms[:, None] + norms[None, :] - 2.0 * (w @ w.T), 0.0)
    # The formula loses digits where two vectors nearly agree: those few pairs are measured by their difference.
    near = np.argwhere(squares < 1e-6 * (norms[:, None] + norms[None, :]))
    for one, other in near[near[:, 0] < near[:, 1]]:
        squares[one, other] = squares[other, one] = ((w[one] - w[other]) ** 2).sum()
    np.fill_diagonal(squares, 0.0)
    distances: Measure = np.sqrt(squares)
    return distances


def adversarial_margin(logits: Numbers, distances: Measure) -> Measure:
    """(n,) the length of the shortest change of each row's vector that makes the probe answer another class.

    LOWER = easier to flip; 0 where two classes are level. In the unit of the vectors, which need not stay of unit
    length: min over the other classes c of (z_y - z_c) / |w_y - w_c|, y the class with the highest logit. A class with
    the very weights of y can never be reached; NaN where no class can, or a logit is NaN. The temperature of a
    calibration changes numerator and denominator alike: either logits will do with the weights they came from.
    `logits`: (n, C). `distances`: (C, C) from `weight_distances`. Cost: O(n C).
    """
    if logits.ndim != 2 or distances.shape != (logits.shape[1], logits.shape[1]):
        raise DataError(
            f"logits of shape {logits.shape} and distances of {distances.shape}: expected (n, C) and (C, C)"
        )
    z = np.asarray(logits, dtype=np.float64)
    rows = np.arange(len(z))
    answer = z.argmax(axis=1)
    gaps = z[rows, answer][:, None] - z
    reach = distances[answer]
    lengths = np.full(z.shape, np.inf)
    np.divide(gaps, reach, out=lengths, where=reach > 0)
    nearest: Measure = lengths.min(axis=1)
    nearest[np.isinf(nearest) | np.isnan(z).any(axis=1)] = np.nan
    return nearest

"""Dots: the product of two vectors in float64, added in one fixed order, whatever library and machine."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(cache=True, nogil=True)
def dot(one: npt.NDArray[np.floating], two: npt.NDArray[np.floating]) -> float:
    """The dot product of two vectors; of unit vectors the cosine. Symmetric to the last bit."""
    # Eight sums side by side, which the processor adds at once; the order is fixed, so the result is, too.
    a = b = c = d = e = f = g = h = 0.0
    whole = len(one) // 8 * 8
    for i in range(0, whole, 8):
        a += np.float64(one[i]) * np.float64(two[i])
        b += np.float64(one[i + 1]) * np.float64(two[i + 1])
        c += np.float64(one[i + 2]) * np.float64(two[i + 2])
        d += np.float64(one[i + 3]) * np.float64(two[i + 3])
        e += np.float64(one[i + 4]) * np.float64(two[i + 4])
        f += np.float64(one[i + 5]) * np.float64(two[i + 5])
        g += np.float64(one[i + 6]) * np.float64(two[i + 6])
        h += np.float64(one[i + 7]) * np.float64(two[i + 7])
    for i in range(whole, len(one)):
        a += np.float64(one[i]) * np.float64(two[i])
    total: float = ((a + b) + (c + d)) + ((e + f) + (g + h))
    return total

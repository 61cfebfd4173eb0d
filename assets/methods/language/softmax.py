"""Running sums of a softmax over a vocabulary that comes in parts, in one pass over the logits; for CPUs.

Torch makes a pass over memory for each of maximum, difference, exponential, product and sum. Here a row of logits stays
in the processor's nearest cache from its maximum to its sums, and the exponential is a polynomial that compilers turn
into vector instructions: less than half of the time for a logit.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

LOWEST = -1e30  # below every logit, and finite: an infinity would turn a product with 0 into NaN
_F = np.float32
_LOG2_E = _F(1.4426950408889634)
_LEAST = _F(-87.0)  # e to that is the least normal float; what is smaller adds nothing to a sum of at least 1


# Sums may be taken in any order, and no logit is NaN: without these promises loops do not become vector instructions.
# The order is then one of the compiler's, the same for every row of one width.
@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp", "nnan"})
def fold(
    logits: Floats,
    first: int,
    targets: npt.NDArray[np.int64],
    top: Floats,
    total: Floats,
    weighted: Floats,
    target: Floats,
) -> None:
    """Take a part of the vocabulary into the sums of each row; `logits` (n, w) are of the tokens from `first` on.

    (n,) each, changed in place: `top`, the highest logit so far (`LOWEST` to begin with); `total`, the sum of
    exp(logit - top); `weighted`, that of exp(logit - top) · (logit - top); `target`, the logit of the token `targets`,
    where it is in this part. Logits must not be NaN or +inf. Relative error of a sum: 1e-6. Cost: O(n·w).
    """
    rows, width = logits.shape
    for i in range(rows):
        row = logits[i]
        highest = top[i]
        for j in range(width):
            highest = max(highest, row[j])
        some, product = _F(0), _F(0)
        for j in range(width):
            x = max(row[j] - highest, _LEAST)
            # e^x = 2^whole · 2^part: the whole goes into the exponent's bits, the part through a polynomial that
            # is close to it on [0, 1) (largest relative error 3e-7), and is 1 at 0: a certain token has no surprise.
            power = x * _LOG2_E
            whole = np.floor(power)
            part = power - whole
            e = _F(1.8775767e-3)
            e = e * part + _F(8.9893397e-3)
            e = e * part + _F(5.5826318e-2)
            e = e * part + _F(2.4015361e-1)
            e = e * part + _F(6.9315308e-1)
            e = e * part + _F(1.0)
            e *= np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
            some += e
            product += e * x
        down = top[i] - highest
        shrink = _F(math.exp(down))
        weighted[i] = shrink * (weighted[i] + down * total[i]) + product
        total[i] = shrink * total[i] + some
        top[i] = highest
        here = targets[i] - first
        if 0 <= here < width:
            target[i] = row[here]

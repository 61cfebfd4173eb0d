"""Exact greedy for facility location, on a matrix of similarities: what each candidate covers of each row.

What belongs here: the matrix, what a candidate is worth, and the lazy evaluation (Minoux 1978), which gives the same
answer as plain greedy. Where the matrix would be too large, `facility_location` makes smaller ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.orderings import Rows
from assets.methods.threads import Threads

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Similarities = npt.NDArray[np.int32]

# Similarities are kept as whole numbers of 1 / SCALE. Sums of whole numbers are exact, so gains do not depend on the
# order of summation, on vector instructions or on threads; float32 cosines are no finer than this anyway.
SCALE = 1 << 24
_STRIP_ROWS = 256


@dataclass(frozen=True)
class Terms:
    """What a row is worth beside the coverage it adds: value = (weight x rows newly covered + addition) / price.

    Each (n,) float64, finite and not negative; costs and prices above 0. Costs are what the budget pays for; prices
    are mostly the same numbers, or a power of them where short rows are not to be preferred as much.
    """

    weights: Floats
    additions: Floats
    costs: Floats
    prices: Floats

    @classmethod
    def of(
        cls,
        rows: int,
        weights: Floats | None = None,
        additions: Floats | None = None,
        costs: Floats | None = None,
        prices: Floats | None = None,
    ) -> Terms:
        """Weights and costs of 1, additions of 0, and prices that are the costs, where they are not given.

        Raises `DataError` for numbers out of range.
        """
        ones = np.ones(rows)
        costs = ones if costs is None else np.ascontiguousarray(costs, dtype=np.float64)
        terms = cls(
            ones if weights is None else np.ascontiguousarray(weights, dtype=np.float64),
            np.zeros(rows) if additions is None else np.ascontiguousarray(additions, dtype=np.float64),
            costs,
            costs if prices is None else np.ascontiguousarray(prices, dtype=np.float64),
        )
        for name, values in (("weights", terms.weights), ("additions", terms.additions)):
            if not (np.isfinite(values).all() and (values >= 0).all()):
                raise DataError(f"{name}: expected finite numbers of at least 0")
        for name, values in (("costs", terms.costs), ("prices", terms.prices)):
            if not (np.isfinite(values).all() and (values > 0).all()):
                raise DataError(f"{name}: expected finite numbers above 0")
        return terms

    def __getitem__(self, rows: Rows) -> Terms:
        return Terms(self.weights[rows], self.additions[rows], self.costs[rows], self.prices[rows])


def similarity(
    rows: Vectors, others: Vectors, threads: Threads | None = None, same: Rows | None = None
) -> Similarities:
    """max(0, cosine) of unit vectors with each other, in units of 1 / SCALE: (r, o) int32.

    `same`: (r,) for each of `rows` its place among `others`, where the similarity is exactly SCALE (default: unknown).
    Cost: O(r o d), 4 r o bytes.
    """
    result = np.empty((len(rows), len(others)), dtype=np.int32)
    columns = np.ascontiguousarray(others).T

    def fill(start: int) -> None:
        # Of short vectors the linear algebra reads a few numbers beyond the end along, and once in many thousand calls
        # these make it raise a flag; the products are right.
        with np.errstate(invalid="ignore"):
            strip = rows[start : start + _STRIP_ROWS] @ columns
        _quantize(strip, result[start : start + _STRIP_ROWS])

    (threads or Threads()).map(fill, range(0, len(rows), _STRIP_ROWS))
    if same is not None:
        result[np.arange(len(rows)), same] = SCALE
    return result


@numba.njit(cache=True, nogil=True)
def _quantize(cosines: npt.NDArray[np.float32], result: npt.NDArray[np.int32]) -> None:
    scale, half = np.float32(SCALE), np.float32(0.5)
    zero, one = np.float32(0), np.float32(1)
    for row in range(cosines.shape[0]):
        for column in range(cosines.shape[1]):
            value = cosines[row, column]
            value = value if value > zero else zero
            value = value if value < one else one
            result[row, column] = np.int32(value * scale + half)  # rounds; without a call, so that it is vectorised


def lazy_greedy(
    similarity: Similarities, budget: float, terms: Terms, covered: npt.NDArray[np.int32]
) -> tuple[Rows, Floats]:
    """The greedy order of the rows of a matrix, and their values: at each step the row that is worth most.

    `similarity`: (c, n) int32, how well each of c candidates covers each of n rows. `terms`: of the candidates.
    `covered`: (n,) int32, how well each row is covered already; it is left as it is. Ends when the costs reach
    `budget`, or when no value is above 0. Ties go to the lower row. The same answer as plain greedy.
    Cost: O(c n) to start, then O(c + n) for each gain that has to be looked at again.
    """
    order, values = _lazy_greedy(
        similarity,
        float(budget),
        terms.weights / SCALE,
        terms.additions,
        terms.costs,
        terms.prices,
        covered.copy(),
    )
    return order, values


@numba.njit(cache=True, nogil=True)
def _lazy_greedy(
    similarity: npt.NDArray[np.int32],
    budget: float,
    weights: npt.NDArray[np.float64],
    additions: npt.NDArray[np.float64],
    costs: npt.NDArray[np.float64],
    prices: npt.NDArray[np.float64],
    covered: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    candidates, rows = similarity.shape
    bounds = np.empty(candidates)  # no value is above its bound; -1: taken
    known_at = np.zeros(candidates, dtype=np.int64)  # the step at which the bound was the value itself
    order = np.empty(candidates, dtype=np.int64)
    values = np.empty(candidates, dtype=np.float64)
    spent = 0.0
    for row in range(candidates):
        total = np.int64(0)
        for other in range(rows):
            total += max(similarity[row, other] - covered[other], np.int32(0))
        bounds[row] = (weights[row] * total + additions[row]) / prices[row]
    for step in range(candidates):
        if spent >= budget:
            return order[:step], values[:step]
        while True:
            best = 0
            for row in range(1, candidates):
                if bounds[row] > bounds[best]:  # strictly: the lower row wins a tie
                    best = row
            if bounds[best] <= 0.0:
                return order[:step], values[:step]
            if known_at[best] == step:
                break
            total = np.int64(0)
            for other in range(rows):
                total += max(similarity[best, other] - covered[other], np.int32(0))
            bounds[best] = (weights[best] * total + additions[best]) / prices[best]
            known_at[best] = step
        order[step], values[step] = best, bounds[best]
        spent += costs[best]
        bounds[best] = -1.0
        for other in range(rows):
            covered[other] = max(covered[other], similarity[best, other])
    return order, values

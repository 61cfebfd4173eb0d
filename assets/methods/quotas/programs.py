"""Linear programs over a table of seats: its cells, its columns, and the solver.

What belongs here: how cells and columns become a program, and one call of the solver. What is asked of it belongs to
`tables` and `clashes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.errors import DataError

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A bound on the search for whole numbers in branches, not in seconds, so that every machine finds the same.
_BRANCHES = 2_000


@dataclass(frozen=True)
class Column:
    """One column of the table, and what the seats of each of its k values are to be in sum.

    `codes`: (c,) the value of each cell. `least`, `most`: (k,) hard bounds of the sum. `asked`: (k,) the sum that is
    wanted but may bend; None where nothing more than the bounds is wanted.
    """

    name: str
    setting: str
    values: list[str]
    codes: Rows
    least: Rows
    most: Rows
    asked: Rows | None = None

    @property
    def settled(self) -> npt.NDArray[np.bool_]:
        """(k,) whether there is one number that the sum is to be, rather than two bounds."""
        return np.full(len(self.values), True) if self.asked is not None else self.least == self.most


@dataclass(frozen=True)
class Cells:
    """The c cells: `sizes` of each in the pool, which the table resembles, and the least and the most it can get."""

    sizes: Rows
    low: Rows
    high: Rows


def stacked(columns: Sequence[Column], name: str) -> Any:
    """The values of all columns one after the other: their `least`, `most` or `settled`."""
    return np.concatenate([getattr(column, name) for column in columns])


def incidence(columns: Sequence[Column]) -> Any:
    """The sparse matrix (values of all columns, cells) that sums cells by value."""
    from scipy.sparse import csr_matrix

    starts = np.cumsum([0, *(len(column.values) for column in columns)])
    rows = np.concatenate([start + column.codes for start, column in zip(starts, columns, strict=False)])
    cells = np.tile(np.arange(len(columns[0].codes)), len(columns))
    return csr_matrix((np.ones(len(rows)), (rows, cells)), shape=(starts[-1], len(columns[0].codes)))


def solve(
    cost: Floats,
    matrix: Any,
    bounds: tuple[npt.ArrayLike, npt.ArrayLike],
    limits: tuple[npt.ArrayLike, npt.ArrayLike],
    whole: bool = False,
) -> Floats | None:
    """x with bounds[0] <= matrix x <= bounds[1] and limits[0] <= x <= limits[1] at which cost x is least; or None.

    `whole`: x is to be of whole numbers, the best that is found within a fixed number of branches; None may then mean
    that none was found. Raises `DataError` where the solver (HiGHS) gives up. The same input gives the same x.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    options: dict[str, Any] = {"mip_rel_gap": 0.0, "node_limit": _BRANCHES} if whole else {}
    # Of these programs presolve makes nothing less, and for 15,000 cells it took 8 s where the simplex takes 0.04.
    for presolve in (whole, not whole):
        result = milp(
            cost,
            integrality=np.full(len(cost), int(whole)),
            bounds=Bounds(*limits),
            constraints=LinearConstraint(matrix, *bounds),
            options={**options, "presolve": presolve},
        )
        if result.x is not None:
            return np.asarray(result.x, dtype=np.float64)
        if result.status in (1, 2):
            return None
    raise DataError(f"the program of the quotas was not solved: {result.message}")


def priced(
    cost: Floats, matrix: Any, bounds: tuple[npt.ArrayLike, npt.ArrayLike], limits: tuple[npt.ArrayLike, npt.ArrayLike]
) -> tuple[Floats, Floats] | None:
    """As `solve` in fractions, with the price of each row of the matrix: 0 where its bounds stand in nobody's way."""
    from scipy.optimize import linprog
    from scipy.sparse import vstack

    least, most = (np.asarray(bound, dtype=np.float64) for bound in bounds)
    matrix, equal = matrix.tocsr(), least == most
    above, below = np.flatnonzero(~equal & np.isfinite(most)), np.flatnonzero(~equal & np.isfinite(least))
    result = linprog(
        cost,
        A_ub=vstack([matrix[above], -matrix[below]]).tocsr(),
        b_ub=np.concatenate([most[above], -least[below]]),
        A_eq=matrix[equal],
        b_eq=most[equal],
        bounds=np.column_stack(np.broadcast_arrays(*limits)),
        method="highs-ds",
        options={"presolve": False},
    )
    if result.status:
        return None
    prices = np.zeros(len(least))
    prices[equal] = result.eqlin.marginals
    prices[above] += result.ineqlin.marginals[: len(above)]
    prices[below] -= result.ineqlin.marginals[len(above) :]
    return np.asarray(result.x, dtype=np.float64), prices

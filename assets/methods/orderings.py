"""Orderings: what every way of choosing rows returns, so that the optimiser can treat them alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ordering:
    """Rows in the order in which a method takes them, with what each adds; a smaller budget is a prefix.

    `order`: (k,) int64 row indices, each once. `gains`: (k,) float64, in the method's own unit, higher = adds more.
    `nearest`: (n,) int64, for each row of the pool the taken row that stands for it (itself for a taken row), -1 where
    the method does not tell; `similarity`: (n,) float32, the cosine to that row, NaN where there is none.
    """

    order: Rows
    gains: npt.NDArray[np.float64]
    nearest: Rows
    similarity: npt.NDArray[np.float32]

"""Scores: columns of numbers brought to a common scale, and combined into what a row is worth beside its coverage.

What belongs here: arithmetic of scores. Where a column comes from is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.tables import escape

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Normalise = Literal["rank", "min_max", "none"]
Missing = Literal["leave_out", "lowest", "median", "highest"]
Combine = Literal["product", "sum"]


@dataclass(frozen=True)
class Score:
    """A score of n rows on a scale of 0 to 1 (or, not normalised, of at least 0); higher = rather chosen.

    `values`: (n,) float64, finite; those of rows that are left out mean nothing. `left_out`: (n,) rows without a value
    that cannot be chosen for it. `filled`: how many were given a value in place of none.
    """

    name: str
    values: Floats
    strength: float
    left_out: Mask
    filled: int


def score(
    name: str,
    values: Floats,
    known: Mask,
    ids: Sequence[str],
    strength: float = 1.0,
    prefer: Literal["high", "low"] = "high",
    normalise: Normalise = "rank",
    missing: Missing = "leave_out",
) -> Score:
    """Bring a column to a scale on which higher = rather chosen.

    `values`: (n,); `known`: (n,) False where a row has no value. `prefer`: the end of the column that is wanted.
    `normalise`: "rank": the share of rows with a value that a row's does not fall behind, ties sharing their mean (over
    0, up to 1), which no outlier and no unit can sway; "min_max": 0 for the worst and 1 for the best, 1 for all where
    they are equal; "none": as it is, which must be at least 0, and the high end wanted. `missing`: what rows without a
    value get: they are left out, or count as the lowest, median or highest known score.

    Raises `DataError` for NaN or infinity among the known values, naming the first row; for values below 0 that are
    not normalised; and if no row has a value. Cost: a sort.
    """
    shown = escape(name, 80)
    wrong = known & ~np.isfinite(values)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"column {shown} is {values[row]} for {int(wrong.sum()):,} rows, such as {escape(ids[row], 40)}; expected "
            "a number, or nothing where there is none"
        )
    if not known.any():
        raise DataError(f"column {shown}: no row has a value")
    found = np.zeros(len(values))
    given: Floats = values[known].astype(np.float64)
    if normalise == "none":
        if prefer == "low" or given.min() < 0:
            row = int(np.flatnonzero(known)[given.argmin()])
            what = "prefer: low" if prefer == "low" else f"{given.min():g} for {escape(ids[row], 40)}"
            raise DataError(f"column {shown}: {what} with normalise: none; expected rank or min_max")
        found[known] = given
    else:
        found[known] = _scaled(given if prefer == "high" else -given, normalise)
    if missing != "leave_out":
        quantile = {"lowest": 0.0, "median": 0.5, "highest": 1.0}[missing]
        found[~known] = np.quantile(found[known], quantile)
    unknown = int((~known).sum())
    left_out = ~known if missing == "leave_out" else np.zeros(len(values), dtype=np.bool_)
    return Score(name, found, strength, left_out, 0 if missing == "leave_out" else unknown)


def _scaled(values: Floats, normalise: Normalise) -> Floats:
    if normalise == "rank":
        from scipy.stats import rankdata

        ranks: Floats = rankdata(values, method="average") / len(values)
        return ranks
    # Halves, so that the range of the largest numbers does not overflow.
    above: Floats = values / 2 - values.min() / 2
    span = above.max()
    return above / span if span > 0 else np.ones(len(values))


def contributions(scores: Sequence[Score], combine: Combine, rows: int) -> Floats:
    """(n, s) what each score contributes to each row: its power in a product, its multiple in a sum."""
    found = np.empty((rows, len(scores)))
    for number, each in enumerate(scores):
        found[:, number] = each.values**each.strength if combine == "product" else each.strength * each.values
    return found


def worth(scores: Sequence[Score], combine: Combine, rows: int) -> Floats:
    """(n,) the product or the sum of the contributions; 1 or 0 without scores. Higher = rather chosen."""
    parts = contributions(scores, combine, rows)
    found: Floats = parts.prod(axis=1) if combine == "product" else parts.sum(axis=1)
    return found

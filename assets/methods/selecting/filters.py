"""Filters: which rows may be chosen at all, by bounds on a column of numbers or by the texts of a column."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.errors import DataError
from assets.methods.apportionment import listed
from assets.tables import escape

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Filtered:
    """`passes`: (n,) which rows may stay; `bounds`: what it asks for in words, such as "length from 20 to 2000"."""

    passes: Mask
    bounds: str


def by_number(
    name: str,
    values: npt.NDArray[np.float64],
    known: Mask,
    low: float | None,
    high: float | None,
    low_quantile: float | None,
    high_quantile: float | None,
    keep_missing: bool,
) -> Filtered:
    """Rows whose value is from `low` to `high`, both included, and between the quantiles of the known values.

    `values`: (n,); `known`: (n,) False where a row has no value; such rows stay iff `keep_missing`. A quantile is a
    value that occurs, the strictest one that leaves enough rows: of the known values a `low_quantile` of 0.9 keeps a
    tenth or more, and a `high_quantile` of 0.9 nine tenths or more. Raises `DataError` for NaN among the known values,
    and for a quantile where no row has a value.
    """
    shown = escape(name, 80)
    if (known & np.isnan(values)).any():
        raise DataError(f"column {shown} is NaN for {int((known & np.isnan(values)).sum()):,} rows; expected numbers")
    least, most = -np.inf if low is None else low, np.inf if high is None else high
    if low_quantile is not None or high_quantile is not None:
        if not known.any():
            raise DataError(f"column {shown}: no row has a value, and so there is no quantile")
        if low_quantile is not None:
            least = max(least, _bound(values[known], low_quantile))
        if high_quantile is not None:
            most = min(most, -_bound(-values[known], 1 - high_quantile))
    passes = np.where(known, (values >= least) & (values <= most), keep_missing)
    if np.isfinite(least) and np.isfinite(most):
        return Filtered(passes, f"{shown} from {least:g} to {most:g}")
    return Filtered(passes, f"{shown} at least {least:g}" if np.isfinite(least) else f"{shown} at most {most:g}")


def _bound(values: npt.NDArray[np.float64], share: float) -> float:
    """The highest value that has at most its share of the values below it; 1 - share of them or more reach it."""
    # A share such as 0.29 of 100 is meant to be 29, though the product is a little less.
    place = min(len(values) - 1, math.floor(share * len(values) + 1e-9))
    return float(np.partition(values, place)[place])


def by_text(
    name: str, values: pa.Array, keep: Collection[str] | None, drop: Collection[str] | None, keep_missing: bool
) -> Filtered:
    """Rows whose text is one of `keep` (None: any) and none of `drop`; rows without one stay iff `keep_missing`."""
    known = values.is_valid().to_numpy(zero_copy_only=False)
    passes = np.ones(len(values), dtype=np.bool_)
    asked = []
    for texts, wanted, word in ((keep, True, "one of"), (drop, False, "none of")):
        if texts is not None:
            inside = pc.is_in(values, pa.array(sorted(texts), pa.string())).to_numpy(zero_copy_only=False)
            passes &= inside.astype(np.bool_) == wanted
            asked.append(f"{word} {listed(sorted(texts))}")
    return Filtered(np.where(known, passes, keep_missing), f"{escape(name, 80)} {' and '.join(asked)}")

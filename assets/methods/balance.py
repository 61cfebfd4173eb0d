"""Arithmetic of class balance: shares, divergence and its bound, length bands.

What belongs here: plain counts and arrays in, plain numbers out. Seats per class are divided in `apportionment`. Which
distributions are compared, and what is said to the user about them, belongs to the checks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from assets.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def shares(counts: Mapping[str, int]) -> dict[str, float]:
    """The share of each class in all rows, summing to 1; of no rows at all, every share is 0."""
    total = sum(counts.values())
    return {name: count / total if total else 0.0 for name, count in counts.items()}


def kl_divergence(observed: Mapping[str, int], reference: Mapping[str, float]) -> float:
    """Kullback-Leibler divergence D(observed || reference) in nats; 0 = the same shares, higher = further apart.

    `observed`: rows by class. `reference`: weights by class, brought to a sum of 1 here. Infinite where a class was
    observed that has no weight. Raises `DataError` if no rows were observed.
    """
    rows, weight = sum(observed.values()), math.fsum(reference.values())
    if not rows:
        raise DataError("no rows: there is no distribution to compare")
    terms = []
    for name, count in observed.items():
        if not count:
            continue
        share = reference.get(name, 0.0) / weight if weight else 0.0
        if not share:
            return math.inf
        terms.append(count / rows * math.log(count / rows / share))
    return max(0.0, math.fsum(terms))  # never below 0 but for rounding


def kl_bound(rows: int, classes: int, significance: float) -> float:
    """The divergence, in nats, that a fair draw of `rows` rows exceeds with probability `significance`.

    2 n D(observed || reference) is the likelihood-ratio statistic G of a multinomial sample of n rows; under the
    reference it tends to the chi-square distribution with k - 1 degrees of freedom (Wilks 1938). Hence
    chi2.ppf(1 - significance, k - 1) / (2 n). One class cannot diverge: 0.
    """
    if classes <= 1:
        return 0.0
    if rows < 1:
        raise DataError("no rows: there is no bound on their divergence")
    from scipy.stats import chi2

    return float(chi2.ppf(1 - significance, classes - 1)) / (2 * rows)


# -- length bands ----------------------------------------------------------------------------------------------------


def length_edges(lengths: npt.NDArray[np.integer], bands: int) -> npt.NDArray[np.int64]:
    """Edges of up to `bands` bands of equally many rows: band i holds edges[i] <= length < edges[i + 1].

    `lengths`: whole numbers, shape (n,). Returns the m + 1 strictly rising edges of m bands, m <= `bands`: equal
    lengths are never parted, so many ties make fewer bands. Raises `DataError` for no lengths.
    """
    import numpy as np

    if not len(lengths):
        raise DataError("no rows: there are no lengths to divide into bands")
    # inverted_cdf: the cuts are lengths that occur, so that the bands have whole-numbered ends.
    last = np.quantile(lengths, np.arange(1, bands + 1) / bands, method="inverted_cdf")
    return np.concatenate([[np.min(lengths)], np.unique(last) + 1]).astype(np.int64)


def band_names(edges: npt.NDArray[np.int64]) -> list[str]:
    """The names of the bands in rising order, such as "1: 3-84" (with an en dash); they sort in that order."""
    width = len(str(len(edges) - 1))
    names = []
    for number, (low, high) in enumerate(zip(edges[:-1], edges[1:] - 1, strict=True), start=1):
        span = f"{low:,}" if low == high else f"{low:,}\N{EN DASH}{high:,}"
        names.append(f"{number:0{width}}: {span}")
    return names


def length_band(lengths: npt.NDArray[np.integer], edges: npt.NDArray[np.int64]) -> list[str]:
    """The name of the band of each length, shape (n,); a length outside all bands says so in its name."""
    import numpy as np

    names = [f"under {edges[0]:,}", *band_names(edges), f"over {edges[-1] - 1:,}"]
    return [names[index] for index in np.searchsorted(edges, lengths, side="right")]

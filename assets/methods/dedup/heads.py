"""Heads: vectors cut to their first principal directions, and a bound from them on the cosine of any two.

With x = head + tail, the tail being what the principal directions leave, cos(x, y) is at most head(x) . head(y) +
|tail(x)| |tail(y)|, by Cauchy and Schwarz. The length of the tail is kept as one more coordinate of the head, so that
the bound is a plain dot product. It rules out nearly all pairs that are not alike for a fraction of the work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.threads import Threads

Vectors = npt.NDArray[np.float32]

_FIT_ROWS = 1024
_TRIAL_ROWS = 512
_STRIP_ROWS = 2048
_WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_PAIR_COST = 20.0  # of a pair beside the product, in units of one dimension of it, as measured


@dataclass(frozen=True)
class Heads:
    """The heads of n vectors: for any two the cosine is at most `values[i] @ values[j] + slack`.

    `values`: (n, w + 1) float32, the last being the length of the tail. `scales`: (n,) float64, 1 / length of the
    vector, 0 for a vector of zeros. `slack` bounds the rounding. `cost` is what comparing a pair takes on average, in
    units of one dimension of a matrix product. Memory: 4 (w + 1) + 8 bytes a row.
    """

    values: Vectors
    scales: npt.NDArray[np.float64]
    slack: float
    cost: float

    @classmethod
    def of(cls, vectors: Vectors, threshold: float, seed: int, threads: Threads) -> Heads:
        """Heads as wide as makes finding the pairs above `threshold` cheapest, judged by a seeded sample.

        `vectors`: (n, d) float32 of any length. Raises `DataError` for numbers that are not finite.
        Cost: O(n d w) and the eigenvectors of a matrix of at most 1,024 rows.
        """
        scales = np.empty(len(vectors))
        strips = [slice(start, start + _STRIP_ROWS) for start in range(0, len(vectors), _STRIP_ROWS)]

        def measure(strip: slice) -> None:
            scales[strip] = _scales(vectors[strip], strip.start)

        threads.map(measure, strips)
        samples = _samples(vectors, scales, seed)
        directions, cost = threads.map(lambda sample: _directions(*sample, threshold), [samples])[0]
        values = np.empty((len(vectors), directions.shape[1] + 1), dtype=np.float32)

        def cut(strip: slice) -> None:
            values[strip] = _cut(unit(vectors[strip], scales[strip]), directions)

        threads.map(cut, strips)
        return cls(values, scales, (vectors.shape[1] + values.shape[1]) * 2.0**-23, cost)


def cosine_cost(dimensions: int) -> float:
    """What the cosine of two rows far apart in memory costs, in units of one dimension of a matrix product."""
    return 10_000.0 + 40.0 * dimensions


def _scales(vectors: Vectors, start: int) -> npt.NDArray[np.float64]:
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(squares))
    if len(bad):
        raise DataError(f"the vector of row {start + bad[0]:,} holds a number that is not finite")
    scales = np.zeros(len(squares))
    np.divide(1.0, np.sqrt(squares), out=scales, where=squares > 0)
    return scales


def unit(vectors: Vectors, scales: npt.NDArray[np.float64]) -> Vectors:
    """Vectors of length 1; `scales` as in `Heads`."""
    return np.asarray(vectors * scales[:, None], dtype=np.float32)


def _samples(vectors: Vectors, scales: npt.NDArray[np.float64], seed: int) -> tuple[Vectors, Vectors]:
    """Unit vectors to find the directions with, and others to choose the width by (the same where there are few)."""
    drawn = np.random.default_rng(seed).permutation(len(vectors))[: _FIT_ROWS + _TRIAL_ROWS]
    trial = drawn[_FIT_ROWS:] if len(drawn) == _FIT_ROWS + _TRIAL_ROWS else drawn[:_TRIAL_ROWS]
    fit = drawn[:_FIT_ROWS]
    return unit(vectors[fit], scales[fit]), unit(vectors[trial], scales[trial])


def _directions(fit: Vectors, trial: Vectors, threshold: float) -> tuple[Vectors, float]:
    """(d, w) orthonormal columns, w of `_WIDTHS` or all that there are, and what a pair then costs."""
    directions = _principal(fit.astype(np.float64)).astype(np.float32)
    full = _cut(trial, directions)
    above = np.triu_indices(len(trial), 1)
    best, lowest = 0, np.inf
    for width in [width for width in _WIDTHS if width < directions.shape[1]] + [directions.shape[1]]:
        tails = np.sqrt(np.maximum(0, 1 - np.square(full[:, :width]).sum(axis=1)))
        bounds = full[:, :width] @ full[:, :width].T + np.outer(tails, tails)
        uncertain = float((bounds[above] >= threshold).mean()) if len(above[0]) else 0.0
        cost = _PAIR_COST + width + uncertain * cosine_cost(trial.shape[1])
        if cost < lowest:
            best, lowest = width, cost
    return np.ascontiguousarray(directions[:, :best]), lowest


def _principal(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The directions of largest second moment (not variance: the bound is on the cosine, not on the correlation)."""
    rows, dimensions = vectors.shape
    if rows >= dimensions:
        return np.asarray(np.linalg.eigh(vectors.T @ vectors)[1][:, ::-1])
    # Fewer rows than dimensions: the same from the smaller matrix of dot products.
    values, components = np.linalg.eigh(vectors @ vectors.T)
    spanned = values > 1e-9 * max(values.max(initial=0), 1e-300)
    return np.asarray(np.linalg.qr(vectors.T @ components[:, spanned][:, ::-1])[0])


def _cut(unit: Vectors, directions: Vectors) -> Vectors:
    heads = unit @ directions
    # From the differences: 1 - |head|^2 would lose half of the digits of a short tail.
    tails = np.linalg.norm(unit - heads @ directions.T, axis=1)
    return np.column_stack([heads, tails]).astype(np.float32)

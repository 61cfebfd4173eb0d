"""Whose company a group keeps: does a label, or a word, come with another group in the subset than in the pool?

What belongs here: features (labels, words) x groups of rows, in the pool and in what was chosen of it. A selection may
prefer labels (quotas) and groups (for `rates` to judge); what counts here is that it preferred a group *within* some
labels only. So the counts expected are the pool's, times a factor for each feature and one for each group, which are
fitted to how many rows of each were chosen. `association` makes the features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.fairness.rates import SHOWN

DRAWS = 200  # fair draws that the pooled statistic is compared with
_AT_ONCE = 20
_FITS = 20  # rounds of fitting
_TESTED = 40  # cells whose exact p-value is worked out; of the others it is no smaller

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One feature with one group; `chosen` above `expected` = the selection tied them."""

    feature: str
    group: str
    pool: int
    chosen: int
    expected: float
    pool_share: float
    """The group's share of the pool's rows with the feature."""
    share: float
    """Its share of the chosen rows with the feature."""
    p: float
    """Two-sided exact p (Fisher's noncentral hypergeometric), corrected for the number of cells (Holm)."""
    rows: tuple[int, ...]
    """Up to 5 rows: chosen ones if there are too many, left out ones if too few."""


@dataclass(frozen=True)
class Shift:
    """All features x groups together."""

    rows: int
    chosen: int
    features: int
    cells: tuple[Cell, ...]
    """The least probable cells first, at most 10."""
    shift: float
    """Typical difference of a group's share among a feature's rows, subset - pool, beyond chance (root mean square)."""
    pooled_p: float
    """That fair draws of as many rows of each group differ as much, over all cells; no smaller than 1e-12."""
    pool_cramer: float
    """Bias-corrected Cramer's V in the pool, 0 = independent, 1 = one group per feature."""
    cramer: float
    """The same in the subset."""
    cramer_added: tuple[float, float]
    """Interval, 99 %, of what the selection added to V: what was found less what fair draws of this size show."""

    def tied(self, bound: float = 0.1, significance: float = 0.001) -> bool:
        """Whether the selection tied features to groups: beyond chance, and by `bound` of a share or more."""
        return self.pooled_p < significance and self.shift >= bound

    def tied_cells(self, bound: float = 0.1, significance: float = 0.001) -> tuple[Cell, ...]:
        """The single cells that shifted so."""
        return tuple(c for c in self.cells if c.p < significance and abs(c.share - c.pool_share) >= bound)


def added_shift(
    names: Sequence[str],
    features: Any,
    group_names: Sequence[str],
    groups: npt.NDArray[np.integer],
    chosen: npt.NDArray[np.bool_],
    seed: int = 0,
) -> Shift:
    """What a selection added to the association of features and groups.

    `features`: (n, f) sparse 0/1 matrix, which rows have which. `groups`: (n,) numbers from 0. `chosen`: (n,).
    A cell is standardised given the feature's chosen rows; the sum of squares is compared with `DRAWS` seeded fair
    draws, by a scaled chi-square law of their mean and variance (rows hold several features, so cells depend on each
    other). Raises `DataError` for shapes that do not fit. Cost: O(draws x entries); memory: 20 bytes a row.
    """
    from scipy.sparse import csr_array
    from scipy.stats import chi2

    matrix = csr_array(features, dtype=np.float64)
    rows, count = len(groups), len(group_names)
    if matrix.shape != (rows, len(names)) or len(chosen) != rows:
        raise DataError(
            f"features of shape {matrix.shape}, {len(names)} names and {len(chosen)} rows do not fit {rows}"
        )
    parts = [np.flatnonzero(groups == g) for g in range(count)]
    pool = np.stack([matrix[part].sum(axis=0) for part in parts], axis=1) if count else np.zeros((len(names), 0))
    drawn = np.array([int(chosen[part].sum()) for part in parts], dtype=np.int64)
    taken = np.stack([matrix[part[chosen[part]]].sum(axis=0) for part in parts], axis=1) if count else pool
    found, z, excess, expected = _statistic(taken[None], pool)
    draws = _draws(matrix, parts, drawn, seed)
    null, _, null_excess, _ = _statistic(draws, pool)
    mean, variance = float(null.mean()), float(null.var())
    pooled = 1.0
    if variance > 0 and mean > 0:
        scale = variance / (2 * mean)
        pooled = max(float(chi2.sf(float(found[0]) / scale, mean / scale)), 1e-12)
    squares = float((taken.sum(axis=1) ** 2).sum()) * max(count, 1) / 2
    shift = np.sqrt(max(float(excess[0]) - float(null_excess.mean()), 0.0) / squares) if squares else 0.0
    fair = _cramer(draws)
    v = float(_cramer(taken[None])[0])
    low, high = np.quantile(fair, (0.005, 0.995))
    return Shift(
        rows=rows, chosen=int(drawn.sum()), features=len(names), shift=float(shift), pooled_p=pooled,
        cells=_cells(names, group_names, matrix, groups, chosen, pool, taken, z[0], expected[0]),
        pool_cramer=float(_cramer(pool[None])[0]), cramer=v, cramer_added=(float(v - high), float(v - low)),
    )  # fmt: skip


def _draws(matrix: Any, parts: list[npt.NDArray[np.int64]], drawn: npt.NDArray[np.int64], seed: int) -> Floats:
    """(draws, f, g): the counts of fair draws of as many rows of each group."""
    found = np.zeros((DRAWS, matrix.shape[1], len(parts)))
    for g, part in enumerate(parts):
        columns = matrix[part].T.tocsr()
        draw = np.random.default_rng([seed, g])
        for start in range(0, DRAWS, _AT_ONCE):
            masks = np.zeros((len(part), _AT_ONCE))
            for i in range(_AT_ONCE):
                masks[draw.choice(len(part), int(drawn[g]), replace=False), i] = 1.0
            found[start : start + _AT_ONCE, :, g] = (columns @ masks).T
    return found


def _statistic(taken: Floats, pool: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Of counts (b, f, g): sum of squared z (b,), z (b, f, g), squared distances' excess (b,), expected counts."""
    size = pool.sum(axis=1, keepdims=True)
    chosen = taken.sum(axis=2, keepdims=True)
    share = _fitted(taken, pool, chosen)
    left = np.clip((size - chosen) / np.maximum(size - 1, 1), 0.0, 1.0)
    variance = chosen * share * (1 - share) * left
    distance = taken - chosen * share
    z = np.divide(distance, np.sqrt(variance), out=np.zeros_like(distance), where=variance > 1e-9)
    return (z**2).sum(axis=(1, 2)), z, (distance**2 - variance).sum(axis=(1, 2)), chosen * share


def _fitted(taken: Floats, pool: Floats, chosen: Floats) -> Floats:
    """(b, f, g): each group's share of a feature's chosen rows, if the selection had one factor for each group.

    The factors are fitted to the groups' totals in turn (Deming and Stephan 1940).
    """
    totals = taken.sum(axis=1, keepdims=True)
    share: Floats = np.zeros_like(taken)
    factor = np.divide(totals, pool.sum(axis=0), out=np.zeros_like(totals), where=pool.sum(axis=0) > 0)
    for _ in range(_FITS):
        weights = pool * factor
        whole = weights.sum(axis=2, keepdims=True)
        share = np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0)
        fits = (chosen * share).sum(axis=1, keepdims=True)
        factor = factor * np.divide(totals, fits, out=np.zeros_like(totals), where=fits > 0)
    return share


def _cramer(counts: Floats) -> Floats:
    """Bias-corrected Cramer's V of tables (b, f, g), shape (b,) (Bergsma 2013)."""
    n = np.maximum(counts.sum(axis=(1, 2)), 1)
    rows, columns = counts.sum(axis=2, keepdims=True), counts.sum(axis=1, keepdims=True)
    expected = rows * columns / n[:, None, None]
    phi = np.divide((counts - expected) ** 2, expected, out=np.zeros_like(counts), where=expected > 0).sum((1, 2)) / n
    r, k = (rows[:, :, 0] > 0).sum(axis=1), (columns[:, 0, :] > 0).sum(axis=1)
    spare = np.maximum(n - 1, 1)
    corrected = np.maximum(phi - (r - 1) * (k - 1) / spare, 0.0)
    least = np.minimum(r - (r - 1) ** 2 / spare, k - (k - 1) ** 2 / spare) - 1
    found: Floats = np.sqrt(np.minimum(np.divide(corrected, least, out=np.zeros_like(phi), where=least > 0), 1.0))
    return found


def _cells(
    names: Sequence[str],
    group_names: Sequence[str],
    matrix: Any,
    groups: npt.NDArray[np.integer],
    chosen: npt.NDArray[np.bool_],
    pool: Floats,
    taken: Floats,
    z: Floats,
    expected: Floats,
) -> tuple[Cell, ...]:
    """The ten least probable cells, with exact p-values."""
    from scipy.stats import nchypergeom_fisher

    flat = np.argsort(-np.abs(z), axis=None, kind="stable")[:_TESTED]
    tested = []
    for f, g in (divmod(int(at), len(group_names)) for at in flat):
        size, own, m, k = (int(v) for v in (pool[f].sum(), pool[f, g], taken[f].sum(), taken[f, g]))
        if not 0 < own < size or not 0 < m < size:
            continue
        rate, rest = float(expected[f, g]) / own, (m - float(expected[f, g])) / (size - own)
        if not (0 < rate < 1 and 0 < rest < 1):
            continue
        ratio = rate / (1 - rate) / (rest / (1 - rest))
        law = nchypergeom_fisher(size, own, m, ratio)
        p = min(1.0, 2 * min(float(law.cdf(k)), float(law.sf(k - 1))))
        tested.append((p, f, g, float(law.mean())))
    tested.sort()
    columns = matrix.tocsc()
    cells, worst, count = [], 0.0, int(np.count_nonzero(np.abs(z) > 0))
    for rank, (p, f, g, mean) in enumerate(tested[:10]):
        worst = max(worst, min(1.0, p * max(count - rank, 1)))  # Holm, step by step
        k, m = int(taken[f, g]), int(taken[f].sum())
        mine = columns.indices[columns.indptr[f] : columns.indptr[f + 1]]
        mine = mine[(groups[mine] == g) & (chosen[mine] == (k > mean))]
        cells.append(
            Cell(names[f], group_names[g], int(pool[f, g]), k, mean, float(pool[f, g] / pool[f].sum()), k / m, worst,
                 tuple(np.sort(mine)[:SHOWN].tolist()))
        )  # fmt: skip
    return tuple(cells)

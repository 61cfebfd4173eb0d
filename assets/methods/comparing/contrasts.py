"""Which strategy is better than which at what budget: paired differences by seed, and learning curves.

What belongs here: from a comparison to judged differences. Saying them in words belongs to `verdicts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assets.errors import DataError
from assets.methods.comparing.intervals import CONFIDENCE, holm, interval
from assets.methods.comparing.proxies import Figure
from assets.methods.comparing.results import Comparison
from assets.methods.comparing.strategies import RANDOM, STRATIFIED
from assets.tables import escape

Outcome = Literal["better", "worse", "no better", "unknown"]


@dataclass(frozen=True)
class Point:
    """A point of a learning curve: the `mean` of a figure over the seeds, +- `half` (95 %; None for a single seed).

    `rows`: how many were chosen, as a mean over the seeds.
    """

    strategy: str
    share: float
    rows: float
    metric: str
    mean: float
    half: float | None


@dataclass(frozen=True)
class Contrast:
    """A strategy against another one at a budget. `gain`: by how much it is better, +- `half` (95 %), whichever the
    direction of the figure: positive = better. `p`: of the paired t-test; `adjusted`: the same after Holm over the
    budgets, which is what decides. `correlation`: of the seeds, as assumed. `outcome`: "unknown" for a single seed.
    """

    strategy: str
    against: str
    share: float
    metric: str
    gain: float
    half: float | None
    p: float
    adjusted: float
    correlation: float
    outcome: Outcome


def curves(comparison: Comparison, metric: str | None = None) -> list[Point]:
    """The learning curve of each strategy; `metric`: default the figure that decides."""
    figure = _figure(comparison, metric)
    found = []
    for strategy in comparison.strategies:
        for share in comparison.shares:
            correlation = max(comparison.shared, comparison.overlaps[strategy, share])
            mean = interval(comparison.values(strategy, share, figure.name), correlation)
            sizes = [
                result.rows
                for result in comparison.results
                if (result.strategy, result.share, result.metric) == (strategy, share, figure.name)
            ]
            found.append(Point(strategy, share, sum(sizes) / len(sizes), figure.name, mean.mean, mean.half))
    return found


def contrasts(
    comparison: Comparison, metric: str | None = None, against: Sequence[str] = (RANDOM, STRATIFIED)
) -> list[Contrast]:
    """Each other strategy against each of `against` that took part, at each budget.

    The differences are paired by seed. Seeds are not independent: their held-out rows overlap, and a strategy that
    always likes the same rows has the same luck with them at each seed. So their correlation is taken to be the larger
    of the share held out (Nadeau and Bengio) and the mean overlap of the rows that the two chose at different seeds.
    A claim needs p < .05 after Holm over the budgets of a pair of strategies, so that of strategies that are no better
    at most 2.5 % are said to win. (Measured on pools of rows of one quality: 1 win in 100 pools by the probe, 1 in 148
    by the language model, for another random draw and a strategy that likes the same rows at every seed together.)

    Raises `DataError` where none of `against` took part, or for a figure that no proxy gave.
    """
    figure = _figure(comparison, metric)
    controls = [name for name in against if name in comparison.strategies]
    if not controls:
        took = ", ".join(map(escape, comparison.strategies))
        raise DataError(f"expected one of {', '.join(map(escape, against))} among the strategies, not only {took}")
    return [
        contrast
        for strategy in comparison.strategies
        if strategy not in against
        for control in controls
        for contrast in _pair(comparison, strategy, control, figure)
    ]


def _pair(comparison: Comparison, strategy: str, control: str, figure: Figure) -> list[Contrast]:
    sign = 1 if figure.higher else -1
    correlations, means = [], []
    for share in comparison.shares:
        ours, theirs = (comparison.values(name, share, figure.name) for name in (strategy, control))
        overlap = (comparison.overlaps[strategy, share] + comparison.overlaps[control, share]) / 2
        correlations.append(max(comparison.shared, overlap))
        means.append(interval([sign * (a - b) for a, b in zip(ours, theirs, strict=True)], correlations[-1]))
    adjusted = holm([mean.p for mean in means])
    return [
        Contrast(
            strategy, control, share, figure.name, mean.mean, mean.half, mean.p, sure, correlation,
            _outcome(mean.mean, mean.half, sure),
        )
        for share, mean, sure, correlation in zip(comparison.shares, means, adjusted, correlations, strict=True)
    ]  # fmt: skip


def _outcome(gain: float, half: float | None, adjusted: float) -> Outcome:
    if half is None:
        return "unknown"
    if adjusted >= 1 - CONFIDENCE:
        return "no better"
    return "better" if gain > 0 else "worse"


def _figure(comparison: Comparison, metric: str | None) -> Figure:
    if metric is None:
        return comparison.figures[0]
    for figure in comparison.figures:
        if figure.name == metric:
            return figure
    known = ", ".join(figure.name for figure in comparison.figures)
    raise DataError(f"figure {escape(metric)}: expected one of {known}")

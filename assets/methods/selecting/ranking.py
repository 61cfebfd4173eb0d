"""Ranking: the rows of one group in the order in which a method takes them, whichever method it is.

What belongs here: calling each method with what it needs. The methods themselves are `facility_location`, `coverage`
and `similarity`; the groups and their seats, `filling` and `select`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from assets.methods import chance
from assets.methods.orderings import Ordering, Rows
from assets.methods.selecting.scores import Combine, Floats, Mask
from assets.progress import Advance

Name = Literal["scores", "facility_location", "k_center", "kmeans", "distinct", "mmr", "dpp", "round_robin"]

DPP_WINDOW = 256  # rows taken last that a row must differ from; more would cost its square


@dataclass(frozen=True)
class Method:
    """A way of putting rows in order, and its options; see `docs/selection.md`.

    - "scores": by the scores alone, or with `gumbel` drawn at random in proportion to them;
    - "facility_location": the most coverage x scores, or `strength` x coverage + scores (`combine`);
    - "k_center": the farthest from all taken, x scores;
    - "kmeans": a `member` of each cluster, as many clusters as there are seats;
    - "distinct": by the scores, but none whose cosine to a row taken is above `max_similarity` (DEITA);
    - "mmr": `trade_off` x scores - (1 - trade_off) x highest cosine to a row taken;
    - "dpp": the largest determinant, scores being qualities;
    - "round_robin": the target sets take turns; each takes the row with the best `targets` entry x scores, or with
      `gumbel` the best log importance + Gumbel noise (DSIR).
    """

    name: Name = "facility_location"
    combine: Combine = "product"
    strength: float = 1.0
    member: Literal["nearest", "first", "farthest", "random", "best"] = "nearest"
    max_similarity: float = 0.9
    trade_off: float = 0.5
    gumbel: bool = False


@dataclass(frozen=True)
class Group:
    """The m rows of one group: what a method may know of them.

    `ids`, `vectors` (m, d); `worth`: (m,) weight x product or sum of the scores, at least 0; `is_scored`: whether it
    differs among the rows that can be chosen; `weights`: (m,) what a row's coverage is multiplied by where scores are
    added to it. `costs`, `prices`: (m,) what a row takes of the seats and what its gain is divided by, at least 1;
    `seats`: what there is to take, in all. `targets`: (t, m) a line for each target set, NaN where a row cannot be
    taken for it.
    """

    ids: Sequence[str]
    vectors: npt.NDArray[np.float32]
    worth: Floats
    is_scored: bool
    weights: Floats
    costs: Floats
    prices: Floats
    seats: int
    targets: Floats
    seed: int
    advance: Advance = field(default=lambda rows: None)


def rank(method: Method, group: Group, may: Mask, start: Rows, budget: float) -> Ordering:
    """The order in which rows of a group are taken until their costs reach `budget`; it may end before.

    `may`: (m,) the rows that can be taken; `start`: rows taken already, which count as taken and are not returned.
    Without a budget it tells which of these stands for which row. Ties go to the lower row. Cost: that of the method.
    """
    picks = _most(group.costs[may], budget)
    if not picks and not len(start):
        return _bare(group, np.empty(0, dtype=np.int64), np.empty(0))
    if method.name == "facility_location":
        return _facility_location(method, group, may, start, budget)
    if method.name == "scores":
        return _by_scores(method, group, may, picks)
    if method.name == "round_robin":
        return _round_robin(method, group, may, picks)
    return _by_distance(method, group, may, start, picks)


def _most(costs: Floats, budget: float) -> int:
    """The most rows that a budget can take: the cheapest ones."""
    if budget <= 0:
        return 0
    reached = int(np.searchsorted(np.cumsum(np.sort(costs)), budget)) + 1
    return min(len(costs), reached)


def stand_ins(method: Method, group: Group, taken: Rows) -> Ordering | None:
    """Which of the rows taken stands for each row, by likeness; None where the method does not tell it for all rows."""
    if method.name == "facility_location":
        return rank(method, group, np.zeros(len(group.ids), dtype=np.bool_), taken, 0)
    if method.name in ("k_center", "mmr", "dpp"):
        from assets.methods.coverage.k_center import k_center

        return k_center(group.vectors, 0, start=taken)
    return None


def who_stands(
    method: Method, group: Group, taken: Rows, told: Sequence[Ordering]
) -> tuple[Rows, npt.NDArray[np.float32]]:
    """The row taken that stands for each row, as the method told it, or anew where it had other rows in mind."""
    is_taken = np.zeros(len(group.ids), dtype=np.bool_)
    is_taken[taken] = True
    same = told[0].nearest[taken] == taken
    if not same.all() or not is_taken[told[0].order].all():
        anew = stand_ins(method, group, taken)
        told = told if anew is None else [anew]
    nearest, similarity = told[0].nearest.copy(), told[0].similarity.copy()
    for later in told:
        missing = (nearest < 0) | ~is_taken[nearest]
        nearest[missing], similarity[missing] = later.nearest[missing], later.similarity[missing]
    missing = (nearest < 0) | ~is_taken[nearest]
    nearest[missing], similarity[missing] = -1, np.nan
    nearest[taken], similarity[taken] = taken, 1.0
    return nearest, similarity


def _facility_location(method: Method, group: Group, may: Mask, start: Rows, budget: float) -> Ordering:
    from assets.methods.facility_location import facility_location

    weights, additions = group.worth, None
    if method.combine == "sum":
        # In units of the rows that each seat has to cover, so that coverage is weighed against scores of 0 to 1. The
        # seats of the whole group, so that the unit is the same for rows that must be in and for those that follow.
        rows = len(group.ids)
        unit = rows / min(rows, max(1.0, group.seats / float(np.median(group.costs))))
        weights, additions = group.weights * (method.strength / unit), group.worth
    return facility_location(
        group.vectors,
        budget,
        may,
        weights,
        additions,
        group.costs,
        group.prices,
        start=start,
        seed=group.seed,
        advance=group.advance,
    )


def _by_scores(method: Method, group: Group, may: Mask, picks: int) -> Ordering:
    gains = group.worth / group.prices
    if method.gumbel:
        from assets.methods.similarity.dsir import gumbel_top_k

        with np.errstate(divide="ignore"):
            log_weights = np.log(gains)
        luck = chance.uniform(group.ids, group.seed, "gumbel")
        # What is worth nothing is never drawn.
        return gumbel_top_k(log_weights, luck, picks, may & (group.worth > 0))
    order = np.flatnonzero(may)
    order = order[np.lexsort((order, -gains[order]))][:picks]
    return _bare(group, order, gains[order])


def _round_robin(method: Method, group: Group, may: Mask, picks: int) -> Ordering:
    from assets.methods.similarity.round_robin import round_robin

    scores = group.targets
    if method.gumbel:
        noise = [chance.gumbel(group.ids, group.seed, f"gumbel {number}") for number in range(len(scores))]
        with np.errstate(divide="ignore"):
            scores = scores + np.log(group.worth) + np.array(noise).reshape(scores.shape)
        may = may & (group.worth > 0)  # what is worth nothing is never drawn
    elif group.is_scored:
        # Cosines can be below 0, where a better score would make a row worse: from 0 to 1 it cannot. A target set that
        # has nothing in this group to be compared with stays NaN.
        low = np.fmin.reduce(scores, axis=1, keepdims=True)
        span = np.fmax.reduce(scores, axis=1, keepdims=True) - low
        scores = np.divide(scores - low, span, out=np.where(np.isnan(scores), np.nan, 1.0), where=span > 0)
        scores = scores * group.worth
    return round_robin(scores, picks, may).ordering


def _by_distance(method: Method, group: Group, may: Mask, start: Rows, picks: int) -> Ordering:
    from assets.methods.coverage import dpp, k_center, mmr, pruning, representatives

    weights = group.worth if group.is_scored else None
    if method.name == "kmeans":
        return representatives.representatives(
            group.vectors, picks, may, weights, start, method.member, group.seed, advance=group.advance
        )
    if method.name == "distinct":
        return pruning.distinct(
            group.vectors, group.worth, picks, method.max_similarity, may, start, advance=group.advance
        )
    if method.name == "mmr":
        return mmr.marginal_relevance(
            group.vectors, picks, may, weights, start, method.trade_off, advance=group.advance
        )
    if method.name == "dpp":
        return dpp.determinantal(group.vectors, picks, may, weights, start, DPP_WINDOW, advance=group.advance)
    return k_center.k_center(group.vectors, picks, may, weights, start, advance=group.advance)


def _bare(group: Group, order: Rows, gains: Floats) -> Ordering:
    """An ordering of a method that does not tell which row stands for which."""
    rows = len(group.ids)
    return Ordering(order, gains, np.full(rows, -1, dtype=np.int64), np.full(rows, np.nan, dtype=np.float32))

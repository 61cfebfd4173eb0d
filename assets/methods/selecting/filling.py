"""Filling: the seats of one group, from the rows that must be in down to those that are taken for want of others.

What belongs here: the order of these phases inside a group. What each group gets, and how groups are dealt together,
belongs to `select`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.methods import chance
from assets.methods.budgets import cut, deal
from assets.methods.orderings import Ordering, Rows
from assets.methods.selecting.ranking import Group, Method, rank, who_stands
from assets.methods.selecting.scores import Floats, Mask

# Why a row was taken, in the order of the phases.
REQUIRED, PREVIOUS, RANDOM, CHOSEN, FILLED, SUSPECTED = range(6)
PHASES = ("required", "previous", "random", "chosen", "filled", "suspected")

Phases = npt.NDArray[np.int8]
Similarities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Open:
    """Which of the m rows of a group are which.

    `required`: must be in. `previous`: were in the subset that is started from. `may`: can be chosen. `suspected`: are
    chosen for want of others only.
    """

    required: Mask
    previous: Mask
    may: Mask
    suspected: Mask


@dataclass(frozen=True)
class Part:
    """Rows in order, best first, with what each gained when it was taken and the phase that took it, (k,) each."""

    order: Rows
    gains: Floats
    phases: Phases

    @classmethod
    def of(cls, order: Rows, gains: Floats, phase: int) -> Part:
        """Rows of one phase."""
        return cls(order, gains, np.full(len(order), phase, dtype=np.int8))

    @classmethod
    def joined(cls, parts: list[Part]) -> Part:
        """One after the other."""
        empty = cls.of(np.empty(0, dtype=np.int64), np.empty(0), CHOSEN)
        return cls(
            np.concatenate([empty.order, *(part.order for part in parts)]),
            np.concatenate([empty.gains, *(part.gains for part in parts)]),
            np.concatenate([empty.phases, *(part.phases for part in parts)]),
        )

    def __getitem__(self, places: Rows | Mask) -> Part:
        return Part(self.order[places], self.gains[places], self.phases[places])


@dataclass(frozen=True)
class Filled:
    """The rows of a group, best first; what was ranked beyond its seats; who stands for whom.

    `beyond`: rows that did not fit or came after, best first. `nearest`, `similarity`: (m,) as in `Ordering`, for the
    rows taken.
    """

    taken: Part
    beyond: Part
    nearest: Rows
    similarity: Similarities


def fill(method: Method, group: Group, state: Open, keep: int, random_share: float) -> Filled:
    """Fill the seats (rows, or tokens where costs are tokens) of a group.

    1. All required rows, in the method's order among themselves. 2. `keep` rows of those that were in the subset
    before, as the method would take them; there must be room for the cheapest ones. 3. `random_share` of the seats
    that are left, drawn at random: by ids, so that other rows do not change the draw. 4. The method's choice among all
    others. 5. Where it ends before the seats are filled, by the scores. 6. Rows that are suspected, by the scores,
    where there are no others.

    Rows drawn at random are spread evenly among those of the method, so that every prefix has its share of them.
    "distinct" is not filled up by the scores: rows that are too alike would be no less so.
    """
    seats = _Seats(group.costs.astype(np.int64), group.seats)
    seats.take(Part.of(*_all_of(method, group, state.required, seats.rows, math.inf), REQUIRED))
    if keep:
        seats.take(_kept(method, group, state, seats, keep))
    is_open = seats.without_taken(state.may & ~state.suspected)
    drawn = _drawn(group, is_open, seats.costs, random_share * max(seats.left, 0))
    is_open[drawn.order] = False
    choice = _chosen(method, group, is_open, seats.after(drawn), CHOSEN)
    seats.take(_spread(drawn, choice.taken, seats.costs))
    beyond, told = [choice.beyond], choice.told
    if method.name == "distinct":
        choice = _chosen(method, group, seats.without_taken(state.may & state.suspected), seats, SUSPECTED)
        seats.take(choice.taken)
        beyond, told = [*beyond, choice.beyond], [*told, *choice.told]
    else:
        is_open[choice.beyond.order] = False
        for mask, phase in ((is_open, FILLED), (state.may & state.suspected, SUSPECTED)):
            rest = _by_worth(group, seats.without_taken(mask))
            more, over = _cut(Part.of(rest, np.zeros(len(rest)), phase), seats)
            seats.take(more)
            beyond.append(over)
    nearest, similarity = who_stands(method, group, seats.rows, told)
    return Filled(Part.joined(seats.parts), Part.joined(beyond), nearest, similarity)


class _Seats:
    """What is left of a group's seats while they are filled, and the rows that took the others."""

    def __init__(self, costs: Rows, left: int, parts: list[Part] | None = None) -> None:
        self.costs, self.left, self.parts = costs, left, parts or []

    def take(self, part: Part) -> None:
        self.parts.append(part)
        self.left -= int(self.costs[part.order].sum())

    def after(self, part: Part) -> _Seats:
        """As they will be once a part is taken, too."""
        later = _Seats(self.costs, self.left, list(self.parts))
        later.take(part)
        return later

    @property
    def rows(self) -> Rows:
        return Part.joined(self.parts).order

    def without_taken(self, mask: Mask) -> Mask:
        rest = mask.copy()
        rest[self.rows] = False
        return rest


def _all_of(method: Method, group: Group, mask: Mask, start: Rows, budget: float) -> tuple[Rows, Floats]:
    """All rows of the mask: in the method's order as far as the budget goes, and by the scores where it ends before."""
    if not mask.any():
        return np.empty(0, dtype=np.int64), np.empty(0)
    ranked = rank(method, group, mask, start, budget)
    rest = mask.copy()
    rest[ranked.order] = False
    others = _by_worth(group, rest)
    return np.concatenate([ranked.order, others]), np.concatenate([ranked.gains, np.zeros(len(others))])


def _by_worth(group: Group, mask: Mask) -> Rows:
    rows = np.flatnonzero(mask)
    return rows[np.lexsort((rows, -group.worth[rows]))]


def _kept(method: Method, group: Group, state: Open, seats: _Seats, keep: int) -> Part:
    """`keep` rows of the subset before, those with suspected labels last: as many of the first ones as leave room for
    the cheapest of the others."""
    before = state.previous & state.may & ~state.required
    most = float(np.sort(seats.costs[before])[::-1][:keep].sum())
    sound = _all_of(method, group, before & ~state.suspected, seats.rows, most)
    start = np.concatenate([seats.rows, sound[0]])
    suspected = _all_of(method, group, before & state.suspected, start, most)
    order, gains = (np.concatenate(pair) for pair in zip(sound, suspected, strict=True))
    costs = seats.costs[order]

    def fits(first: int) -> bool:
        return int(costs[:first].sum() + np.sort(costs[first:])[: keep - first].sum()) <= seats.left

    low, high = 0, keep
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    cheapest = low + np.sort(np.argsort(costs[low:], kind="stable")[: keep - low])
    return Part.of(order, gains, PREVIOUS)[np.concatenate([np.arange(low), cheapest])]


def _drawn(group: Group, is_open: Mask, costs: Rows, room: float) -> Part:
    """Rows drawn at random, as many as fit into the rounded room; they gain nothing by what they are."""
    rows = np.flatnonzero(is_open) if round(room) else np.empty(0, dtype=np.int64)
    luck = chance.uniform([group.ids[row] for row in rows.tolist()], group.seed, "random share")
    rows = rows[np.lexsort((rows, luck))]
    rows = rows[cut(costs[rows], round(room)).taken]
    return Part.of(rows, np.zeros(len(rows)), RANDOM)


@dataclass(frozen=True)
class _Choice:
    """What the method takes, what it would take next, and its orderings: who stands for whom as it took them."""

    taken: Part
    beyond: Part
    told: list[Ordering]


def _chosen(method: Method, group: Group, mask: Mask, seats: _Seats, phase: int) -> _Choice:
    """The method's choice for what is left of the seats, and at least one row beyond where rows are of several costs.

    Rows dearer than all that is left are passed over from the start, because a row that is ranked lowers what others
    add. "distinct" looks again at what was refused, as long as a row that refused others turned out not to fit:
    only rows that are taken may refuse any.
    """
    is_open, start, left = mask.copy(), seats.rows, max(seats.left, 0)
    parts, told = [], []
    while True:
        fits = is_open & (seats.costs <= left)
        # Where nothing fits, the first choice may be bought with what other groups have left.
        among = fits if fits.any() else is_open
        most = int(seats.costs[among].max()) if among.any() and seats.costs.max() > 1 else 0
        told.append(rank(method, group, among, start, left + most if left else 0))
        part, beyond = _cut(Part.of(told[-1].order, told[-1].gains, phase), _Seats(seats.costs, left))
        parts.append(part)
        start = np.concatenate([start, part.order])
        left -= int(seats.costs[part.order].sum())
        is_open[part.order] = False
        if method.name != "distinct" or not len(part.order) or not len(beyond.order):
            return _Choice(Part.joined(parts), beyond, told)


def _cut(part: Part, seats: _Seats) -> tuple[Part, Part]:
    """What fits, and what does not."""
    fits = cut(seats.costs[part.order], max(seats.left, 0)).taken
    return part[fits], part[~fits]


def _spread(drawn: Part, chosen: Part, costs: Rows) -> Part:
    """Two rankings as one in which each has about its share of every prefix."""
    parts = [costs[drawn.order], costs[chosen.order]]
    dealing = deal(np.array([int(part.sum()) for part in parts], dtype=np.int64), parts)
    places = dealing.turns + np.where(dealing.cells == 1, len(drawn.order), 0)
    return Part.joined([drawn, chosen])[places]

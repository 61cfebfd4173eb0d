"""Selection: which rows a budget buys, in what order, and why each of them.

What belongs here: facility location inside each group, the groups dealt together by their quotas, and the words of a
reason. How many seats a group gets belongs to `balance`; what a row's weight is, to whoever calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.facility_location import facility_location
from assets.progress import Advance
from assets.tables import escape

_UNIT_TOLERANCE = 1e-3
_NAME_LIMIT = 60


@dataclass(frozen=True)
class Selection:
    """The chosen rows, best first; every prefix is a selection for a smaller budget, with nearly the same shares.

    `indices`: (k,) int64 rows of the pool as it was given. `gains`: (k,) float64, weight x rows newly covered; 0 for a
    row that only fills a seat. Gains of one group are comparable with each other and never rise; those of different
    groups are not compared anywhere. `reasons`: one sentence each. `counts`: rows chosen by group. `left_out`: rows
    that were not candidates and were not chosen. `notes`: what did not go as asked.
    """

    indices: npt.NDArray[np.int64]
    gains: npt.NDArray[np.float64]
    reasons: list[str]
    counts: dict[str, int]
    left_out: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Part:
    """What one group contributes, best first."""

    rows: npt.NDArray[np.int64]
    gains: npt.NDArray[np.float64]
    reasons: list[str]
    forced: int  # rows that were taken though they are not candidates


def select(
    vectors: npt.NDArray[np.float32],
    ids: Sequence[str],
    groups: Sequence[str],
    seats: Mapping[str, int],
    candidates: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    block_rows: int = 1024,
    seed: int = 0,
    advance: Advance = lambda rows: None,
) -> Selection:
    """Fill the seats of each group with the candidates that best cover the whole group, weighted.

    `vectors`: (n, d) float32 of unit length. `ids`: (n,) unique; rows are taken in the order of their ids, so the
    order of the pool does not show in the result. `groups`: (n,) the group of each row (its class, say). `seats`: rows
    to take from each group, at most as many as it has; a group that is not named gets none. `candidates`: (n,) False
    for rows to be left out; they are still covered, and are taken after all, best weight first, where a group would
    otherwise have empty seats. `weights`: (n,) finite and not negative; a gain is multiplied by it. Once nothing adds
    coverage, candidates fill the seats by weight. Ties go to the lower id. `advance` is told rows of the budget.

    Raises `DataError` for arguments that do not fit. Cost: that of `facility_location`.
    """
    _check(vectors, ids, groups, seats, candidates, weights)
    by_group: dict[str, list[int]] = {name: [] for name in sorted(seats) if seats[name]}
    for row in sorted(range(len(ids)), key=ids.__getitem__):
        if groups[row] in by_group:
            by_group[groups[row]].append(row)
    parts = {}
    for name, members in by_group.items():
        rows = np.array(members, dtype=np.int64)
        parts[name] = _fill_seats(name, rows, seats[name], vectors, candidates, weights, block_rows, seed, advance)
    turns = _deal({name: seats[name] for name in parts})
    indices = np.array([parts[name].rows[turn] for name, turn in turns], dtype=np.int64)
    return Selection(
        indices=indices,
        gains=np.array([parts[name].gains[turn] for name, turn in turns], dtype=np.float64),
        reasons=[parts[name].reasons[turn] for name, turn in turns],
        counts={name: int(seats[name]) for name in parts},
        left_out=int((~candidates).sum() - (~candidates[indices]).sum()),
        notes=tuple(_note(name, part, seats[name]) for name, part in parts.items() if part.forced),
    )


def _check(
    vectors: npt.NDArray[np.float32],
    ids: Sequence[str],
    groups: Sequence[str],
    seats: Mapping[str, int],
    candidates: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> None:
    lengths = {len(vectors), len(ids), len(groups), len(candidates), len(weights)}
    if len(lengths) > 1:
        raise DataError(f"vectors, ids, groups, candidates and weights differ in length: {sorted(lengths)}")
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise DataError(f"id {escape(twice)} stands twice; expected every id once")
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    bad = np.flatnonzero(~(np.abs(norms - 1) <= _UNIT_TOLERANCE))
    if len(bad):
        raise DataError(f"the vector of {escape(ids[bad[0]])} has length {norms[bad[0]]:.4g}; expected 1")
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise DataError(f"the weight of {escape(ids[bad[0]])} is {weights[bad[0]]}; expected a number of at least 0")
    sizes = Counter(groups)
    for name, wanted in seats.items():
        if not 0 <= wanted <= sizes[name]:
            raise DataError(
                f"'{escape(name, _NAME_LIMIT)}': {wanted} rows asked for; expected from 0 to the "
                f"{sizes[name]} that the group has"
            )


def _fill_seats(
    name: str,
    rows: npt.NDArray[np.int64],
    seats: int,
    vectors: npt.NDArray[np.float32],
    candidates: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    block_rows: int,
    seed: int,
    advance: Advance,
) -> _Part:
    """The rows of one group, best first: by coverage, then by weight, then the non-candidates by weight."""
    may, weight = candidates[rows], weights[rows]
    told = _InProportion(advance, len(rows), seats)
    covering = facility_location(vectors[rows], seats, may, weight, block_rows, seed, told.advance)
    rest = np.setdiff1d(np.arange(len(rows)), covering.order)
    rest = rest[np.lexsort((rest, -weight[rest], ~may[rest]))][: seats - len(covering.order)]
    shown = f"'{escape(name, _NAME_LIMIT)}'"
    reasons = [_covers(gain, weight[row], shown) for row, gain in zip(covering.order, covering.gains, strict=True)]
    reasons += [
        f"fills a seat of {shown}: the candidates already chosen cover all of it; weight {weight[row]:.3g}"
        if may[row]
        else f"fills a seat of {shown} for want of candidates, though it was to be left out; weight {weight[row]:.3g}"
        for row in rest
    ]
    gains = np.concatenate([covering.gains, np.zeros(len(rest))])
    return _Part(rows[np.concatenate([covering.order, rest])], gains, reasons, int((~may[rest]).sum()))


def _covers(gain: float, weight: float, shown: str) -> str:
    covered = gain / weight  # a row with weight 0 has no gain and is never chosen for its coverage
    return f"covers {covered:,.1f} rows of {shown} that nothing chosen before it did; weight {weight:.3g}"


def _note(name: str, part: _Part, seats: int) -> str:
    return (
        f"'{escape(name, _NAME_LIMIT)}': {seats - part.forced:,} candidates for {seats:,} seats; "
        f"{part.forced:,} rows that were to be left out fill the others"
    )


def _deal(seats: Mapping[str, int]) -> list[tuple[str, int]]:
    """(group, how many of it came before) for each rank, so that every prefix has about the shares of the whole.

    The next seat goes to the group with the lowest (taken + 0.5) / seats, ties by name: Webster's method.
    """
    turns = [(name, turn) for name in seats for turn in range(seats[name])]
    return sorted(turns, key=lambda item: ((item[1] + 0.5) / seats[item[0]], item[0]))


class _InProportion:
    """Turns progress through the rows of a group into progress through its seats; they add up to the seats."""

    def __init__(self, advance: Advance, rows: int, seats: int) -> None:
        self._advance, self._rows, self._seats = advance, rows, seats
        self._done = 0

    def advance(self, rows: int) -> None:
        """Pass on the seats that `rows` more rows stand for."""
        before = self._done * self._seats // self._rows
        self._done += rows
        self._advance(self._done * self._seats // self._rows - before)

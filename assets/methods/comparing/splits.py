"""Splits of a pool into rows to learn from and rows to be judged by, stratified, without a duplicate on both sides.

What belongs here: dealing whole groups, so that each part has its share of each stratum. Who repeats whom belongs to
`grouping`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError

Rows = npt.NDArray[np.int64]

HELD_OUT = 0.2

QUICK_SEEDS = 5
QUICK_HELD_OUT = 2500
QUICK_TRAIN = 20_000
"""Rows that a quick comparison splits, at most: so it takes as long for a million rows, and seeds share fewer rows."""
QUICK_TRAIN_LABELLED = 10_000
"""The same where a probe scores labels first, which takes longest."""


@dataclass(frozen=True)
class Split:
    """`train`, `held_out`: rows of the pool in rising order, no group in both. `seed`: what they were drawn with.

    `wanted`: rows that should have been held out; fewer are where large groups did not fit.
    """

    train: Rows
    held_out: Rows
    seed: int
    wanted: int

    @property
    def shared(self) -> float:
        """The share of held-out rows that two such splits have in common, which Nadeau and Bengio (2003) correct for:
        n2 / (n1 + n2) of n1 rows of training and n2 held out.
        """
        return len(self.held_out) / (len(self.train) + len(self.held_out))


def strata_of(values: Sequence[str | None]) -> Rows:
    """(n,) int64 from 0, equal for equal labels or sources; rows without one are a stratum of their own, the last."""
    names = sorted({value for value in values if value is not None})
    number: dict[str | None, int] = {name: place for place, name in enumerate(names)}
    return np.array([number.get(value, len(names)) for value in values], dtype=np.int64)


def held_out(
    strata: Rows,
    groups: Rows,
    seed: int,
    share: float = HELD_OUT,
    most_train: int | None = None,
    most_held_out: int | None = None,
) -> Split:
    """A part of the pool, drawn with the seed, that no strategy sees.

    `strata`, `groups`: (n,) from 0. Groups come in a random order and are held out as long as no stratum would give
    more rows than `share` of them, rounded at random, so that small strata give some over many seeds; at least one row
    of each stratum is left to learn from. `most_train`, `most_held_out`: of larger parts so many rows, drawn at random:
    the trainings of two seeds then have less in common, and each is faster.

    Raises `DataError` where nothing can be held out: all rows in one group, or fewer than two. Cost: O(n).
    """
    _check(strata, groups, share)
    random = np.random.default_rng([seed, 11])
    sizes = np.bincount(strata)
    exact = sizes * share
    quotas = np.minimum(np.floor(exact + random.random(len(sizes))), np.maximum(sizes - 1, 0)).astype(np.int64)
    order, starts = _members(groups, random)
    out = _hold_out(order, starts, strata, quotas)
    train, held = np.flatnonzero(~out), np.flatnonzero(out)
    wanted = int(quotas.sum()) if most_held_out is None else min(int(quotas.sum()), most_held_out)
    if not len(held):
        largest = int(np.bincount(groups).max())
        raise DataError(
            f"nothing can be held out of {len(groups):,} rows: the largest group of rows that repeat each other has "
            f"{largest:,}; expected groups of fewer than {max(2, int(share * len(groups))):,} rows, or more strata of "
            "at least two rows"
        )
    return Split(_some(train, most_train, random), _some(held, most_held_out, random), seed, wanted)


def folds(strata: Rows, groups: Rows, count: int, seed: int) -> list[Split]:
    """`count` splits of which each row is held out in exactly one; arguments and errors as for `held_out`.

    Their seeds are `seed`, `seed` + 1, and so on, so that the draws of strategies differ, too.
    Large groups are dealt first, each to the fold that lacks most rows of its strata. Cost: O(n count).
    """
    if count < 2:
        raise DataError(f"folds: expected at least 2, not {count}")
    _check(strata, groups, 1 / count)
    random = np.random.default_rng([seed, 12])
    order, starts = _members(groups, random)
    by_size = np.argsort(-np.diff(starts), kind="stable")
    fold = _deal(order, starts, by_size, strata, np.bincount(strata) / count, count)
    parts = [np.flatnonzero(fold == number) for number in range(count)]
    if min(map(len, parts)) == 0:
        raise DataError(
            f"{count} folds of {len(groups):,} rows in {len(starts) - 1:,} groups of duplicates: expected at least as "
            "many groups as folds"
        )
    return [Split(np.flatnonzero(fold != number), part, seed + number, len(part)) for number, part in enumerate(parts)]


def _check(strata: Rows, groups: Rows, share: float) -> None:
    if len(strata) != len(groups):
        raise DataError(f"{len(strata):,} strata for {len(groups):,} groups: expected one each for each row")
    if len(groups) < 2:
        raise DataError(f"{len(groups)} rows: expected at least 2 to hold some out")
    if not 0 < share < 1:
        raise DataError(f"held_out: expected a share between 0 and 1, not {share}")


def _members(groups: Rows, random: np.random.Generator) -> tuple[Rows, Rows]:
    """The rows of the groups one after the other, groups in a random order; and where each begins, (groups + 1,)."""
    numbers, places = np.unique(groups, return_inverse=True)
    rank = random.permutation(len(numbers))[places]
    sizes = np.bincount(rank, minlength=len(numbers))
    return np.argsort(rank, kind="stable"), np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _some(rows: Rows, most: int | None, random: np.random.Generator) -> Rows:
    if most is None or len(rows) <= most:
        return rows
    return np.sort(random.choice(rows, most, replace=False))


@numba.njit(cache=True, nogil=True)
def _hold_out(
    order: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    strata: npt.NDArray[np.int64],
    quotas: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    out = np.zeros(len(order), np.bool_)
    left = quotas.copy()
    for group in range(len(starts) - 1):
        fits = True
        for place in range(starts[group], starts[group + 1]):
            left[strata[order[place]]] -= 1
            if left[strata[order[place]]] < 0:
                fits = False
        for place in range(starts[group], starts[group + 1]):
            if fits:
                out[order[place]] = True
            else:
                left[strata[order[place]]] += 1
    return out


@numba.njit(cache=True, nogil=True)
def _deal(
    order: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    by_size: npt.NDArray[np.int64],
    strata: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.float64],
    count: int,
) -> npt.NDArray[np.int64]:
    fold = np.empty(len(order), np.int64)
    held = np.zeros((count, len(wanted)))
    sizes = np.zeros(count, np.int64)
    for group in by_size:
        best, most = 0, -np.inf
        for number in range(count):
            lack = 0.0
            for place in range(starts[group], starts[group + 1]):
                lack += wanted[strata[order[place]]] - held[number, strata[order[place]]]
            # Of folds that lack as much of the strata, the smallest: the rests of small strata spread out.
            if lack > most or (lack == most and sizes[number] < sizes[best]):
                best, most = number, lack
        for place in range(starts[group], starts[group + 1]):
            fold[order[place]] = best
            held[best, strata[order[place]]] += 1
            sizes[best] += 1
    return fold

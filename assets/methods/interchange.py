"""Interchange: rows that were chosen to cover a pool, each replaced by a neighbour that covers its part better.

What belongs here: improving a finished choice, for the plain sum of best similarities. Making it is
`facility_location`'s work, which takes the interchange as its last step where a pool is too large for exact greedy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.methods.orderings import Rows
from assets.methods.threads import Threads

Vectors = npt.NDArray[np.float32]

_STRIP_ROWS = 256
_LARGEST_CELL = 2048


@dataclass(frozen=True)
class Assignment:
    """For each of n rows the place of the chosen row most similar to it, that similarity, and the second best.

    Similarities are max(0, cosine). `total`: the sum of the best ones; higher = better covered.
    """

    place: Rows
    best: npt.NDArray[np.float32]
    second: npt.NDArray[np.float32]

    @property
    def total(self) -> float:
        """The objective of facility location."""
        return float(self.best.sum(dtype=np.float64))


def assign(vectors: Vectors, chosen: Rows, threads: Threads) -> Assignment:
    """Find the chosen row that stands for each row; ties go to the earlier one. Cost: O(n k d). Memory: 256 k."""
    rows = len(vectors)
    place = np.zeros(rows, dtype=np.int64)
    best, second = np.zeros(rows, dtype=np.float32), np.zeros(rows, dtype=np.float32)
    columns = vectors[chosen].T

    def find(start: int) -> None:
        strip = slice(start, min(start + _STRIP_ROWS, rows))
        similar = vectors[strip] @ columns
        lines = np.arange(len(similar))
        place[strip] = similar.argmax(axis=1)
        best[strip] = similar[lines, place[strip]]
        similar[lines, place[strip]] = 0.0
        second[strip] = similar.max(axis=1)

    threads.map(find, range(0, rows, _STRIP_ROWS))
    return Assignment(place, np.maximum(best, 0), np.maximum(second, 0))


def interchange(
    vectors: Vectors, chosen: Rows, may: npt.NDArray[np.bool_], fixed: int, rounds: int, threads: Threads
) -> Rows:
    """The chosen rows, some of them replaced, so that the pool is covered at least as well.

    `vectors`: (n, d) float32 of unit length; `chosen`: (k,) rows, of which the first `fixed` stay. Each other one is
    replaced by the row for which it stands, itself included, whose choice in its place would cover the rows that it
    stands for best; those may fall back on their second best chosen row (the interchange of Teitz and Bart 1968,
    for all chosen rows at once and among neighbours only). `may`: (n,) rows that can be chosen. All are replaced at
    once, and so a round can fail to improve the sum: then it is undone, and the last one.

    Cost of a round: O(n k d + sum of squared cells x d); cells of more than 2,048 rows keep their row.
    """
    now = assign(vectors, chosen, threads)
    for _ in range(rounds):
        proposed = _propose(vectors, chosen, now, may, fixed)
        if np.array_equal(proposed, chosen):
            break
        then = assign(vectors, proposed, threads)
        if then.total <= now.total:
            break
        chosen, now = proposed, then
    return chosen


def _propose(vectors: Vectors, chosen: Rows, now: Assignment, may: npt.NDArray[np.bool_], fixed: int) -> Rows:
    by_place = np.argsort(now.place, kind="stable")
    starts = np.searchsorted(now.place[by_place], np.arange(len(chosen) + 1))
    is_taken = np.zeros(len(vectors), dtype=np.bool_)
    is_taken[chosen] = True
    result = chosen.copy()
    for place in range(fixed, len(chosen)):
        cell = by_place[starts[place] : starts[place + 1]]
        allowed = cell[may[cell] & ~is_taken[cell]]
        if not len(allowed) or len(cell) > _LARGEST_CELL:
            continue
        # The present row is one of those that are compared, and is kept on a tie: being the first.
        compared = np.concatenate([chosen[place : place + 1], allowed])
        covered = np.maximum(vectors[compared] @ vectors[cell].T, now.second[cell])
        result[place] = compared[covered.sum(axis=1, dtype=np.float64).argmax()]
    return result

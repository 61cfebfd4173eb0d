"""Representatives: cut the pool into as many clusters as rows are wanted, and take one row of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.coverage.partition import Partition, partition
from assets.methods.coverage.pool import Pool, Vectors, squared_distance
from assets.methods.orderings import Ordering, Rows
from assets.methods.threads import Threads
from assets.progress import Advance
from assets.tables import escape

Member = Literal["first", "nearest", "farthest", "random", "best"]


@dataclass(frozen=True)
class Representatives(Ordering):
    """An ordering with the clusters it was made of.

    `assignment`: (n,) int64, the cluster of each row. `notes`: one sentence for each way in which the rows are not one
    of each of `picks` clusters.
    """

    assignment: Rows
    notes: tuple[str, ...] = ()


def representatives(
    vectors: Vectors,
    picks: int,
    candidates: npt.NDArray[np.bool_] | None = None,
    weights: npt.NDArray[np.float64] | None = None,
    start: Rows | None = None,
    member: Member = "nearest",
    seed: int = 0,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Representatives:
    """One row of each of `picks` clusters; those that stand for most come first.

    `vectors`: (n, d) float32 of unit length; all rows are clustered, only `candidates` (default: all) are taken.
    `member`: which candidate of a cluster; "first": the lowest row; "nearest", "farthest": by the distance to the mean
    of the cluster; "random": seeded; "best": the highest weight. Of equals the lowest row. `weights`: (n,) at least 0,
    higher = rather (default: 1). `start`: rows taken already; each adds a cluster, and where one lies in a cluster, it
    stands for it. `threads`: default one a core; the result does not depend on it.

    Clusters without candidates give no row. Where rows are missing for this or because there are fewer clusters, the
    clusters give a second row, then a third, and so on; `notes` says so.

    Gains: rows of the cluster x weight of the member, for the m-th member divided by m; the order is first members by
    gain, second members by gain and so on, ties by row. `nearest` tells the first row taken of the cluster.
    Raises `DataError` for arguments that do not fit. Cost: see `partition`.
    """
    if member not in get_args(Member):
        raise DataError(f"member: expected one of {', '.join(get_args(Member))}, not '{escape(member)}'")
    pool = Pool.of(vectors, picks, candidates, weights, start)
    rows = len(pool.vectors)
    found = partition(pool.vectors, min(rows, max(1, pool.picks + len(pool.start))), seed, Threads(threads))
    order, gains, members = _take(pool, found, _preference(member, pool, found, seed))
    advance(len(order))
    nearest = _standing(pool, found, order)
    similarity = _similarity(pool.vectors, nearest)
    notes = found.notes + _notes(pool, found, members)
    return Representatives(order, gains, nearest, similarity, found.assignment, notes)


def _preference(member: Member, pool: Pool, found: Partition, seed: int) -> npt.NDArray[np.float64]:
    """(n,) lower = rather; of equals the lower row."""
    if member == "nearest":
        return found.squared
    if member == "farthest":
        return -found.squared
    if member == "best":
        return -pool.weights
    if member == "random":
        return np.random.default_rng([seed, 1]).permutation(len(pool.vectors)).astype(np.float64)
    return np.zeros(len(pool.vectors))


def _take(
    pool: Pool, found: Partition, preference: npt.NDArray[np.float64]
) -> tuple[Rows, npt.NDArray[np.float64], Rows]:
    """The rows taken, their gains, and of which number each is in its cluster, from 1; rows to start from count."""
    rows = np.flatnonzero(pool.candidates)
    rows = rows[np.lexsort((rows, preference[rows], found.assignment[rows]))]
    clusters = found.assignment[rows]
    begins = np.searchsorted(clusters, clusters)  # where the cluster of each begins
    taken = np.bincount(found.assignment[pool.start], minlength=len(found.sizes))
    members = np.arange(len(rows)) - begins + taken[clusters] + 1
    gains = pool.weights[rows] * found.sizes[clusters] / members
    first = np.lexsort((rows, -gains, members))[: pool.picks]
    return rows[first], gains[first], members[first]


def _standing(pool: Pool, found: Partition, order: Rows) -> Rows:
    """For each row the first row taken of its cluster, itself for a row taken, -1 where none was taken."""
    taken = np.concatenate([pool.start, order])
    stands = np.full(len(found.sizes), -1, dtype=np.int64)
    stands[found.assignment[taken[::-1]]] = taken[::-1]  # backwards, so that the first one stays
    nearest = stands[found.assignment]
    nearest[taken] = taken
    return nearest


@numba.njit(cache=True, nogil=True)
def _similarity(vectors: npt.NDArray[np.float32], nearest: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    result = np.full(len(vectors), np.nan, dtype=np.float32)
    for row in range(len(vectors)):
        if nearest[row] >= 0:
            result[row] = max(-1.0, 1.0 - squared_distance(vectors[row], vectors[nearest[row]]) / 2.0)
    return result


def _notes(pool: Pool, found: Partition, members: Rows) -> tuple[str, ...]:
    notes = []
    occupied = np.zeros(len(found.sizes), dtype=np.bool_)
    occupied[found.assignment[pool.candidates]] = True
    occupied[found.assignment[pool.start]] = True
    if not occupied.all():
        notes.append(f"{int((~occupied).sum()):,} of {len(occupied):,} clusters hold no candidate and give no row")
    further = int((members > 1).sum())
    if further:
        notes.append(f"{further:,} of {len(members):,} rows are the second or a later one of their cluster")
    return tuple(notes)

"""Pruning: from the best row down, a row is refused for its likeness to a row that was taken, never to a refused one.

Two published rules, as they are meant. SemDeDup (Abbas and others 2023) inside clusters: compared with rows that have
gone themselves, as some programs do it, whole chains of paraphrases vanish, and nothing like them stays. DEITA (Liu and
others 2024) over the whole pool: compared with all of the pool, every row is refused for its own copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.coverage.pool import Pool, Vectors
from assets.methods.dedup.greedy import keep_best
from assets.methods.dedup.semantic import EPSILON, CosineIndex
from assets.methods.orderings import Ordering, Rows
from assets.progress import Advance

_BLOCK_ROWS = 1024


@dataclass(frozen=True)
class Pruned:
    """`kept`: (n,) which rows stay. `nearest`: (n,) int64, for a row that goes a row that stays and is like it, -1 for
    rows that stay. `similarity`: (n,) float64 their cosine, 0 for rows that stay.
    """

    kept: npt.NDArray[np.bool_]
    nearest: Rows
    similarity: npt.NDArray[np.float64]


def semdedup(
    vectors: Vectors,
    assignment: npt.NDArray[np.integer],
    priority: npt.NDArray[np.float64],
    threshold: float,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Pruned:
    """In each cluster, from the highest priority down, a row goes iff it is like a row of the cluster that stays.

    `vectors`: (n, d) float32. `assignment`: (n,) whole numbers, the cluster of each row. `priority`: (n,) higher =
    rather kept; of equals the lower row is. `threshold`: the cosine, above 0 and at most 1, from which on rows are
    alike (less 10^-6, as float32 vectors tell no better). A vector of zeros is like nothing.

    No row goes without a row that stays and is like it, and no two rows of a cluster that stay are alike. `advance` is
    told of rows. Raises `DataError` for arguments that do not fit. Cost: see `CosineIndex`; at most O(n k d), k stay.
    """
    order = _best_first(priority, len(vectors))
    if len(assignment) != len(vectors):
        raise DataError(f"{len(assignment):,} clusters for {len(vectors):,} vectors: expected one a row")
    groups = np.unique(assignment, return_inverse=True)[1].astype(np.int32)
    index = CosineIndex(vectors, threshold, groups, threads=threads)
    found = keep_best(order, [index], len(vectors), advance, _BLOCK_ROWS)
    return Pruned(found.kept < 0, found.kept, found.similarity)


def distinct(
    vectors: Vectors,
    priority: npt.NDArray[np.float64],
    picks: int,
    threshold: float = 0.9,
    candidates: npt.NDArray[np.bool_] | None = None,
    start: Rows | None = None,
    threads: int | None = None,
    advance: Advance = lambda rows: None,
) -> Ordering:
    """From the highest priority down, take each candidate whose cosine to every row taken is at most `threshold`.

    `vectors`: (n, d) float32 of unit length. `priority`: (n,) finite, higher = rather; of equals the lower row comes
    first. `threshold`: above 0 and at most 1 (and 10^-6 more, as float32 vectors tell no better); at 1 no row is
    refused. `candidates`: (n,) only they are taken (default: all). `start`: rows taken already. A vector of zeros is
    like nothing. Ends at `picks` rows, or short of them where nothing else is distinct enough.

    Gains: the priority. `nearest` tells for each row that was refused a row taken that refused it: the most similar one
    of those taken before its block of 1,024, or else of those in it; rows that were not visited have none. `advance` is
    told of rows visited. Raises `DataError` for arguments that do not fit.
    Cost: see `CosineIndex`; at most O(v k d) for v rows visited.
    """
    pool = Pool.of(vectors, picks, candidates, None, start)
    order = _best_first(priority, len(vectors))
    order = order[pool.candidates[order]]
    nearest, similarity = np.full(len(vectors), -1, dtype=np.int64), np.full(len(vectors), np.nan, dtype=np.float32)
    if not 0 < threshold <= 1:
        raise DataError(f"threshold: expected a cosine above 0, at most 1, not {threshold}")
    # The index calls rows alike from its threshold - EPSILON on, here they are from threshold + EPSILON on.
    index = CosineIndex(vectors, min(1.0, threshold + 2 * EPSILON), threads=threads)
    index.add(pool.start)
    taken: list[Rows] = [np.empty(0, dtype=np.int64)]
    missing, place = pool.picks, 0
    while missing and place < len(order):
        block = order[place : place + _BLOCK_ROWS]
        if threshold < 1:
            found = keep_best(block, [index], len(vectors), lambda rows: None, _BLOCK_ROWS)
            stays = found.kept[block] < 0
            block = block[: _length(stays, missing)]
            nearest[block], similarity[block] = found.kept[block], found.similarity[block]
            new = block[found.kept[block] < 0]
        else:
            new = block = block[:missing]
        taken.append(new)
        missing -= len(new)
        place += len(block)
        advance(len(block))
    chosen = np.concatenate(taken)
    own = np.concatenate([pool.start, chosen])
    nearest[own] = own
    similarity[own] = 1.0
    return Ordering(chosen, priority[chosen].astype(np.float64), nearest, similarity)


def _length(stays: npt.NDArray[np.bool_], missing: int) -> int:
    """Rows to visit until `missing` of them stay."""
    places = np.flatnonzero(stays)
    return int(places[missing - 1]) + 1 if len(places) >= missing else len(stays)


def _best_first(priority: npt.NDArray[np.float64], rows: int) -> Rows:
    if priority.shape != (rows,):
        raise DataError(f"{len(priority):,} priorities for {rows:,} vectors: expected one a row")
    bad = np.flatnonzero(~np.isfinite(priority))
    if len(bad):
        raise DataError(f"priority: expected finite numbers, not {priority[bad[0]]} at row {bad[0]:,}")
    return np.argsort(-priority, kind="stable").astype(np.int64)

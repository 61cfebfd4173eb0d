"""Partitions into very many clusters: k-means inside blocks of similar rows.

What belongs here: thousands of clusters of a large pool, where plain k-means would cost rows x clusters in each round.
Clusters of a size to look at, and their picture, belong to `diversity`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.blocks import blocks
from assets.methods.coverage.pool import Vectors, squared_distance
from assets.methods.orderings import Rows
from assets.methods.threads import Threads

_BLOCK_ROWS = 2048
_BLOCK_CLUSTERS = 32  # at least, so that the shares of the blocks are near enough to their rows
_WHOLE = 20_000_000  # rows x clusters up to which the pool is one block
_SAMPLE_ROWS = 16  # to a cluster: rows from which the first centres are drawn
_ROUNDS = 8
_STRIP_ROWS = 512
_COPY = 1e-6  # squared distances of float32 vectors are no finer


@dataclass(frozen=True)
class Partition:
    """`assignment`: (n,) int64, the cluster of each row, from 0; every cluster has rows. `squared`: (n,) float64, the
    squared distance to the mean of the cluster; higher = less typical. `sizes`: (k,) int64 rows of each cluster.
    `asked`: clusters asked for, of which some may have stayed empty.
    """

    assignment: Rows
    squared: npt.NDArray[np.float64]
    sizes: Rows
    asked: int

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence where there are fewer clusters than asked for."""
        if len(self.sizes) == self.asked:
            return ()
        return (
            f"{self.asked:,} clusters asked for, {len(self.sizes):,} made: there was nothing to tell more apart by",
        )


def partition(vectors: Vectors, clusters: int, seed: int, threads: Threads) -> Partition:
    """Cut n rows into about `clusters` clusters, at most n.

    `vectors`: (n, d) float32. Rows x clusters up to 20 million: k-means (Lloyd's algorithm, 8 rounds) from a k-means++
    start (Arthur and Vassilvitskii 2007) on a sample of the rows. Above that the pool is cut into blocks of similar
    rows, which share the clusters by their rows (largest remainder, at least one each), and each is cut so. Copies of
    rows fall into one cluster, so that there may be fewer clusters than asked for.
    The same seed gives the same result on any number of threads. Cost: O(n d b clusters / n) for blocks of b rows.
    """
    rows = len(vectors)
    parts = [np.arange(rows, dtype=np.int64)] if rows else []
    if rows * clusters > _WHOLE:
        parts = _blocks(vectors, clusters, seed, threads)
    shares = _shares(np.array([len(part) for part in parts], dtype=np.int64), clusters)
    found = threads.map(
        lambda number: _k_means(
            vectors[parts[number]], int(shares[number]), np.random.default_rng([seed, number, len(parts)])
        ),
        range(len(parts)),
    )
    assignment = np.empty(rows, dtype=np.int64)
    count = 0
    for part, own in zip(parts, found, strict=True):
        assignment[part] = own + count
        count += int(own.max()) + 1
    return Partition(assignment, _from_means(vectors, assignment, count), np.bincount(assignment), clusters)


def _blocks(vectors: Vectors, clusters: int, seed: int, threads: Threads) -> list[Rows]:
    """Blocks that are small beside the pool, yet large enough for a cluster each, as a rule for 32."""
    block_rows = max(_BLOCK_ROWS, -(-len(vectors) * _BLOCK_CLUSTERS // clusters))
    while len(found := blocks(vectors, block_rows, seed, threads)) > clusters:
        block_rows *= 2
    return found


def _shares(sizes: Rows, seats: int) -> Rows:
    """Seats in proportion to the sizes, by largest remainder, ties to the first; at least one each."""
    if len(sizes) < 2:
        return np.full(len(sizes), seats, dtype=np.int64)
    ideal = sizes * seats
    total = int(sizes.sum())
    shares: Rows = ideal // total
    left = seats - int(shares.sum())
    shares[np.argsort(-(ideal - shares * total), kind="stable")[:left]] += 1
    while not shares.all():
        shares[shares.argmax()] -= 1
        shares[shares.argmin()] += 1
    return shares


def _k_means(points: Vectors, clusters: int, random: np.random.Generator) -> Rows:
    """The cluster of each point; numbers without points are left out."""
    centers = _first_centers(points, clusters, random)
    nearest, closeness = _assign(points, centers)
    for _ in range(_ROUNDS):
        by_cluster = np.argsort(nearest, kind="stable")
        numbers, starts = np.unique(nearest[by_cluster], return_index=True)
        sizes = np.diff(np.append(starts, len(points)))
        centers[numbers] = np.add.reduceat(points[by_cluster], starts, axis=0) / sizes[:, None].astype(np.float32)
        empty = np.setdiff1d(np.arange(len(centers)), numbers)
        # An empty cluster moves to where a point lies farthest from its centre.
        centers[empty] = points[np.argsort(closeness, kind="stable")[: len(empty)]]
        nearest, closeness = _assign(points, centers)
    return np.asarray(np.unique(nearest, return_inverse=True)[1], dtype=np.int64)


def _first_centers(points: Vectors, clusters: int, random: np.random.Generator) -> Vectors:
    """k-means++: each centre is drawn in proportion to the squared distance to those before."""
    size = min(len(points), max(_SAMPLE_ROWS * clusters, _BLOCK_ROWS))
    sample = points[np.sort(random.choice(len(points), size, replace=False))]
    drawn = np.empty(clusters, dtype=np.int64)
    drawn[0] = random.integers(size)
    squared = np.full(size, np.inf)
    for step in range(1, clusters):
        center = sample[drawn[step - 1]]
        np.minimum(squared, 2.0 - 2.0 * (sample @ center), out=squared)
        squared[squared < _COPY] = 0.0
        totals = np.cumsum(squared)
        if totals[-1] == 0.0:  # nothing but copies is left: any will do, and they stay empty
            drawn[step:] = drawn[0]
            break
        drawn[step] = min(np.searchsorted(totals, random.random() * totals[-1], side="right"), size - 1)
    return sample[drawn].copy()


def _assign(points: Vectors, centers: Vectors) -> tuple[Rows, npt.NDArray[np.float32]]:
    """The nearest centre of each point, of equals the first, and how close it is (higher = closer)."""
    halves = np.einsum("ij,ij->i", centers, centers) / 2
    nearest, closeness = np.empty(len(points), dtype=np.int64), np.empty(len(points), dtype=np.float32)
    for start in range(0, len(points), _STRIP_ROWS):
        strip = points[start : start + _STRIP_ROWS] @ centers.T - halves
        best = strip.argmax(axis=1)
        nearest[start : start + _STRIP_ROWS] = best
        closeness[start : start + _STRIP_ROWS] = strip[np.arange(len(strip)), best]
    return nearest, closeness


@numba.njit(cache=True, nogil=True)
def _from_means(
    vectors: npt.NDArray[np.float32], assignment: npt.NDArray[np.int64], clusters: int
) -> npt.NDArray[np.float64]:
    """Squared distances of rows to the mean of their cluster, added in the order of the rows."""
    means, sizes = np.zeros((clusters, vectors.shape[1])), np.zeros(clusters)
    for row in range(len(vectors)):
        cluster = assignment[row]
        sizes[cluster] += 1
        for i in range(vectors.shape[1]):
            means[cluster, i] += vectors[row, i]
    for cluster in range(clusters):
        for i in range(vectors.shape[1]):
            means[cluster, i] /= sizes[cluster]
    result = np.empty(len(vectors))
    for row in range(len(vectors)):
        result[row] = squared_distance(vectors[row], means[assignment[row]])
    return result

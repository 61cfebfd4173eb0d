"""Diversity of a set of embeddings: clusters, a picture of them, and how well a choice resembles the rest.

What belongs here: measures and partitions of vectors. Choosing rows by them belongs to `facility_location` and
`selecting`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.errors import DataError

MAX_DEFAULT_CLUSTERS = 1000
_STRIP_NUMBERS = 8_000_000  # similarities held at once: 32 MB


@dataclass(frozen=True)
class Clustering:
    """A partition into clusters, the largest first (equally large: the one with the lowest row first); none is empty.

    `assignment`: (n,) int32, the cluster of each row. `distance`: (n,) float32, Euclidean distance to the centre of
    the row's own cluster (0 to 2 for unit vectors; higher = less typical). `centers`: (k, d) float32. `notes`: one
    sentence where there are fewer clusters than asked for.
    """

    assignment: npt.NDArray[np.int32]
    distance: npt.NDArray[np.float32]
    centers: npt.NDArray[np.float32]
    notes: tuple[str, ...] = ()


@contextmanager
def single_thread() -> Iterator[None]:
    """Let the linear algebra of this block run on one thread.

    The order of a parallel sum depends on the number of threads, so only one thread gives the same bytes everywhere.
    It is no loss on matrices of these sizes: on a machine that is busy with something else, spinning BLAS threads made
    the probe ten times slower.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def default_clusters(rows: int) -> int:
    """The number of clusters for a pool of `rows`: the square root of half the rows, from 1 to 1,000."""
    if rows < 1:
        raise DataError("no rows: there is nothing to cluster")
    return max(1, min(MAX_DEFAULT_CLUSTERS, rows, round(math.sqrt(rows / 2))))


def cluster(vectors: npt.NDArray[np.float32], clusters: int, iterations: int, seed: int) -> Clustering:
    """k-means (Lloyd's algorithm from a k-means++ start) on (n, d) float32 vectors.

    The same input and seed give the same bytes, whatever the number of threads. Fewer distinct vectors than `clusters`
    make fewer clusters, which `notes` says. Raises `DataError` where `clusters` is below 1 or above n.
    Cost: O(n d clusters iterations).
    """
    if not 1 <= clusters <= len(vectors):
        raise DataError(f"{clusters} clusters of {len(vectors)} rows: expected from 1 to the number of rows")
    distinct = _count_distinct(vectors, clusters)
    from sklearn.cluster import KMeans

    with single_thread():
        # Asked for no more clusters than there are distinct vectors, it leaves none empty.
        model = KMeans(min(clusters, distinct), n_init=1, max_iter=iterations, random_state=seed, copy_x=True)
        found = model.fit_predict(vectors)
    assignment, order = _largest_first(found)
    centers = np.ascontiguousarray(model.cluster_centers_[order], dtype=np.float32)
    notes = () if len(order) == clusters else (_fewer(clusters, len(order), distinct),)
    return Clustering(assignment, _distances(vectors, centers, assignment), centers, notes)


def _fewer(asked: int, found: int, distinct: int) -> str:
    why = f"there are only {distinct:,} distinct vectors" if distinct < asked else "the others stayed empty"
    return f"{asked:,} clusters asked for, {found:,} made: {why}"


def _count_distinct(vectors: npt.NDArray[np.float32], enough: int) -> int:
    """The number of distinct rows; counting ends at `enough`, mostly after about as many rows."""
    seen: set[bytes] = set()
    for vector in vectors:
        seen.add((vector + np.float32(0)).tobytes())  # + 0: -0.0 is the same number as 0.0
        if len(seen) >= enough:
            break
    return len(seen)


def _largest_first(found: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Clusters renumbered by size, and the old number of each new one; numbers without rows fall away."""
    old, first, inverse, sizes = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    by_size = np.lexsort((first, -sizes))
    new = np.empty(len(old), dtype=np.int32)
    new[by_size] = np.arange(len(old), dtype=np.int32)
    return new[inverse], old[by_size].astype(np.int64)


def _distances(
    vectors: npt.NDArray[np.float32], centers: npt.NDArray[np.float32], assignment: npt.NDArray[np.int32]
) -> npt.NDArray[np.float32]:
    """From differences: the dot-product formula loses half of the digits of a small distance."""
    result = np.empty(len(vectors), dtype=np.float32)
    strip = max(1, _STRIP_NUMBERS // max(1, vectors.shape[1]))
    for start in range(0, len(vectors), strip):
        rows = slice(start, start + strip)
        result[rows] = np.linalg.norm(vectors[rows] - centers[assignment[rows]], axis=1)
    return result


def positions(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A place to draw each row at: its first two principal components, (n, 2) float32.

    From the eigenvectors of the covariance; the largest entry of each is made positive, so that a picture is not
    mirrored from run to run. Identical rows lie at the origin; a single dimension gives y = 0. Cost: O(n d^2 + d^3).
    """
    rows, dimensions = vectors.shape
    result = np.zeros((rows, 2), dtype=np.float32)
    if not rows or not dimensions:
        return result
    mean = vectors.mean(axis=0, dtype=np.float64)
    strips = [slice(start, start + 8192) for start in range(0, rows, 8192)]
    with single_thread():
        covariance = np.zeros((dimensions, dimensions))
        for strip in strips:
            centred = vectors[strip] - mean
            covariance += centred.T @ centred
        _, components = np.linalg.eigh(covariance)
        axes = components[:, ::-1][:, :2]
        axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
        for strip in strips:
            result[strip, : axes.shape[1]] = (vectors[strip] - mean) @ axes
    return result


def mean_best_similarity(vectors: npt.NDArray[np.float32], chosen: npt.NDArray[np.integer] | Sequence[int]) -> float:
    """How well the chosen rows stand for all: the mean over all rows of the cosine to the most similar chosen row.

    `vectors`: (n, d) of unit length; `chosen`: row indices. From -1 to 1, higher = better covered; 1 = every row has
    a twin among the chosen. Never n x n: O(n k d) time and a fixed amount of memory.
    """
    picked = vectors[np.asarray(chosen, dtype=np.int64)]
    if not len(picked):
        raise DataError("no rows chosen: there is nothing to compare the pool with")
    strip = max(1, _STRIP_NUMBERS // len(picked))
    total = 0.0
    with single_thread():
        for start in range(0, len(vectors), strip):
            best = (vectors[start : start + strip] @ picked.T).max(axis=1)
            total += float(best.sum(dtype=np.float64))
    return total / len(vectors)

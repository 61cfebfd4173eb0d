"""How rows are hashed by signs: how many tables of how many planes find a pair often enough at the least cost.

A row is hashed by the sides of random hyperplanes on which it lies (Charikar 2002). Two rows at an angle a lie on the
same side of a plane with probability 1 - a / pi; they meet if they agree on all k planes of one of L tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.dedup.heads import Vectors, cosine_cost, unit
from assets.methods.dedup.semantic import EPSILON
from assets.methods.threads import Threads

SIGN_WORDS = 4  # of 64 planes each, kept of every row to compare it by
CENTRAL_SHARE = 0.03  # of the rows: about so many count as near the center
MOST_TABLES = 256  # each takes 16 bytes a row

_FILTER_SHARE = 0.1  # of the pairs that may be missed: so many for each of the two comparisons of signs
_SAMPLE_ROWS, _SAMPLE_PAIRED = 512, 256
_LONGEST_KEY = 24
_STRIP_ROWS = 1024
# What things cost, in units of one dimension of a matrix product, as measured.
_PLANE_COST, _TABLE_COST, _ENTRY_COST, _SIGNS_COST = 60.0, 10_000.0, 120.0, 3000.0


@dataclass(frozen=True)
class Tables:
    """How rows are hashed.

    Vectors are hashed from `center`, the middle of a sample: real embeddings mostly point to one side, where planes
    through the origin hardly tell them apart. From there the angle of a pair at the threshold depends on how far its
    rows are from the center. `radius` is such that the recall holds for every pair of which one row is at least that
    far away; pairs of two rows nearer than that are few, and are compared directly.
    """

    planes: int  # to a table
    tables: int
    center: npt.NDArray[np.float32]  # (d,)
    radius: float
    side: float  # the least probability that a pair at the threshold lies on the same side of a plane
    differing: tuple[int, int]  # rows that differ in more of the first 64 signs, or of all, are not compared
    recall: float  # the least probability that a pair at the threshold is found
    cost: float  # to a row, in units of one dimension of a matrix product

    @classmethod
    def plan(
        cls, vectors: Vectors, scales: npt.NDArray[np.float64], threshold: float, recall: float, seed: int
    ) -> Tables | None:
        """The k and L that make finding the pairs cheapest at this recall, judged by a seeded sample.

        `scales` as in `Heads`. None if no reasonable number of tables does: the rows are nearer to their center than a
        pair at the threshold is apart, or little more. Raises `DataError` for a recall outside 0 to 1.
        """
        if not 0 < recall < 1:
            raise DataError(f"recall: expected a probability above 0 and below 1, not {recall}")
        rows = np.random.default_rng(seed).permutation(np.flatnonzero(scales))[:_SAMPLE_ROWS]
        if not len(rows):
            return None
        sample = unit(vectors[rows], scales[rows])
        center = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        apart = sample - center
        lengths = np.linalg.norm(apart, axis=1)
        radius, gap = float(np.quantile(lengths, CENTRAL_SHARE)), 2 - 2 * (threshold - EPSILON)
        if radius**2 <= gap:
            return None
        # If |x - y|^2 = gap, the angle at the center is widest where it is a right one at y.
        side = 1 - math.acos(math.sqrt(1 - gap / radius**2)) / math.pi
        some = (apart / np.maximum(lengths, 1e-9)[:, None])[:_SAMPLE_PAIRED]
        cosines = np.clip(some @ some.T, -1, 1)[np.triu_indices(len(some), 1)]
        others = 1 - np.arccos(cosines.astype(np.float64)) / np.pi
        missed = _FILTER_SHARE * (1 - recall)
        differing = _most_differing(64, side, missed), _most_differing(64 * SIGN_WORDS, side, missed)
        shape, cost = _cheapest(others, side, differing, 1 - recall - 2 * missed, len(vectors), vectors.shape[1])
        if shape is None:
            return None
        found = 1 - (1 - side ** shape[0]) ** shape[1] - 2 * missed
        return cls(*shape, center, radius, side, differing, found, cost)


def _cheapest(
    others: npt.NDArray[np.float64],
    side: float,
    differing: tuple[int, int],
    missed: float,
    rows: int,
    dimensions: int,
) -> tuple[tuple[int, int] | None, float]:
    """k and L, and the cost to a row; `others`: how probably pairs of the pool lie on the same side of a plane."""
    first, every = (
        _at_most(most, bits, 1 - others) for most, bits in zip(differing, (64, 64 * SIGN_WORDS), strict=True)
    )
    met = _ENTRY_COST + first * _SIGNS_COST + every * cosine_cost(dimensions)
    best, lowest = None, np.inf
    for planes in range(4, min(_LONGEST_KEY, rows.bit_length() - 2) + 1):
        tables = math.ceil(math.log(missed) / math.log1p(-(side**planes)))
        meeting = float((others**planes * met).mean()) * rows / 2
        cost = tables * (planes * (dimensions + _PLANE_COST) + _TABLE_COST + meeting)
        if cost < lowest and tables <= MOST_TABLES:
            best, lowest = (planes, tables), cost
    return best, lowest


def _most_differing(bits: int, side: float, missed: float) -> int:
    """In at most how many of some signs a pair at the threshold differs, but for a share of `missed`."""
    few_enough = (most for most in range(bits) if _at_most(most, bits, np.array(1 - side)) >= 1 - missed)
    return next(few_enough, bits)


def _at_most(successes: int, throws: int, probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The binomial distribution, by the incomplete beta function."""
    from scipy.special import betainc

    if successes >= throws:
        return np.ones_like(probability)
    return np.asarray(betainc(throws - successes, successes + 1, 1 - probability))


@dataclass(frozen=True)
class Hashes:
    """What n rows are found by. Memory: 4 L + 33 bytes a row."""

    buckets: npt.NDArray[np.uint32]  # (n, L) the bucket of each row in each table
    signs: npt.NDArray[np.uint64]  # (n, 4) on which side of the first 256 planes it lies
    central: npt.NDArray[np.bool_]  # (n,) whether it is near the center


def hash_rows(vectors: Vectors, scales: npt.NDArray[np.float64], tables: Tables, seed: int, threads: Threads) -> Hashes:
    """Hash n rows by planes that are drawn from `seed`. Cost: O(n d k L), as a matrix product."""
    planes = max(tables.planes * tables.tables, 64 * SIGN_WORDS)
    normals = np.random.default_rng(seed).standard_normal((planes, vectors.shape[1]), dtype=np.float32)
    offsets = normals @ tables.center
    hashes = Hashes(
        np.empty((len(vectors), tables.tables), dtype=np.uint32),
        np.empty((len(vectors), SIGN_WORDS), dtype=np.uint64),
        np.empty(len(vectors), dtype=np.bool_),
    )

    def strip(start: int) -> None:
        part = slice(start, start + _STRIP_ROWS)
        units = unit(vectors[part], scales[part])
        hashes.central[part] = np.linalg.norm(units - tables.center, axis=1) < tables.radius
        _pack(units @ normals.T, offsets, tables.planes, hashes.buckets[part], hashes.signs[part])

    threads.map(strip, range(0, len(vectors), _STRIP_ROWS))
    return hashes


@numba.njit(cache=True, nogil=True)
def _pack(
    products: npt.NDArray[np.float32],
    offsets: npt.NDArray[np.float32],
    planes: int,
    buckets: npt.NDArray[np.uint32],
    signs: npt.NDArray[np.uint64],
) -> None:
    for row in range(len(products)):
        for table in range(buckets.shape[1]):
            bucket = np.uint32(0)
            for plane in range(table * planes, table * planes + planes):
                bucket = np.uint32((bucket << np.uint32(1)) | np.uint32(products[row, plane] > offsets[plane]))
            buckets[row, table] = bucket
        for word in range(signs.shape[1]):
            bits = np.uint64(0)
            for plane in range(64 * word, 64 * word + 64):
                bits = (bits << np.uint64(1)) | np.uint64(products[row, plane] > offsets[plane])
            signs[row, word] = bits

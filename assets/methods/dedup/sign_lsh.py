"""Semantic duplicates of large pools: rows in the same bucket of some hash table are compared, most others never meet.

A row is hashed by the sides of random hyperplanes on which it lies (Charikar 2002). Two rows at an angle a lie on the
same side of a plane with probability 1 - a / pi; they meet if they agree on all k planes of one of L tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.dedup.greedy import Matches, Pairs, Rows, Similarities
from assets.methods.dedup.heads import Vectors, cosine_cost, unit
from assets.methods.dedup.semantic import EPSILON, CosineIndex, Groups, cosine

RECALL = 0.9995  # of a pair whose cosine is the threshold itself; more for all others
CENTRAL_SHARE = 0.03
MOST_TABLES = 256  # each takes 16 bytes a row

_SIGN_WORDS = 4  # of 64 planes each
_SAMPLE_ROWS = 512
_LONGEST_KEY = 24
_STRIP_ROWS = 1024
_TASK_ROWS = 512
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
    cost: float  # to a row, in units of one dimension of a matrix product

    @property
    def recall(self) -> float:
        """The least probability that a pair at the threshold meets in some table."""
        return float(1 - (1 - self.side**self.planes) ** self.tables)

    @classmethod
    def plan(
        cls, vectors: Vectors, scales: npt.NDArray[np.float64], threshold: float, recall: float, seed: int
    ) -> Tables | None:
        """The k and L that make finding the pairs cheapest at this recall, judged by a seeded sample.

        None if no reasonable number of tables does: the rows are nearer to their center than a pair at the threshold
        is apart, or little more. Raises `DataError` for a recall outside 0 to 1.
        """
        if not 0 < recall < 1:
            raise DataError(f"recall: expected a probability above 0 and below 1, not {recall}")
        rows = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:_SAMPLE_ROWS])
        sample = unit(vectors[rows], scales[rows])
        center = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        apart = sample - center
        lengths = np.linalg.norm(apart, axis=1)
        radius, gap = float(np.quantile(lengths, CENTRAL_SHARE)), 2 - 2 * (threshold - EPSILON)
        if radius**2 <= gap:
            return None
        # If |x - y|^2 = gap, the angle at the center is widest where it is a right one at y.
        side = 1 - math.acos(math.sqrt(1 - gap / radius**2)) / math.pi
        cosines = np.clip((apart @ apart.T) / np.maximum(np.outer(lengths, lengths), 1e-12), -1, 1)
        others = 1 - np.arccos(cosines[np.triu_indices(len(rows), 1)]) / np.pi
        met = _costs_when_met(others, side, vectors.shape[1])
        best, lowest = (0, 0), np.inf
        for planes in range(4, min(_LONGEST_KEY, len(vectors).bit_length() - 2) + 1):
            tables = math.ceil(math.log1p(-recall) / math.log1p(-(side**planes)))
            meeting = float((others**planes * met).mean()) * len(vectors) / 2
            cost = tables * (planes * (vectors.shape[1] + _PLANE_COST) + _TABLE_COST + meeting)
            if cost < lowest and tables <= MOST_TABLES:
                best, lowest = (planes, tables), cost
        return cls(*best, center, radius, side, lowest) if best[1] else None


def _costs_when_met(sides: npt.NDArray[np.float64], side: float, dimensions: int) -> npt.NDArray[np.float64]:
    """What comparing two rows of a bucket costs that lie on the same side of a plane with these probabilities."""
    from scipy.special import bdtr

    first, every = (bdtr(most_differing(bits, side), bits, 1 - sides) for bits in (64, 64 * _SIGN_WORDS))
    return np.asarray(_ENTRY_COST + first * _SIGNS_COST + every * cosine_cost(dimensions))


def most_differing(bits: int, side: float) -> int:
    """On how many of some planes the sides of a pair at the threshold differ: the mean and four standard deviations."""
    mean = bits * (1 - side)
    return int(mean + 4 * math.sqrt(mean * side))


class SignIndex:
    """The semantic duplicates among n rows (see `KeptIndex`), nearly all of them: of pairs at the threshold `recall`.

    What it reports is right: the cosine decides, as in `CosineIndex`, which it is a stand-in for where that would take
    too long. It may miss a pair, so rows that stay may repeat each other; `residual` estimates how many. Pairs of one
    question (`within`) and pairs of rows near the center (see `Tables`) are all found. Not dependent on threads.

    Cost: O(n d k L) to hash, then for each row L looks into a table, and the rows it meets there: for each of those a
    comparison of 256 signs and, for the few that agree in enough of them, a cosine.
    Memory, beside the vectors and what `CosineIndex` takes: 8 L + 44 bytes a row and 4 L 2^k bytes.
    """

    name = "semantic"

    def __init__(self, exact: CosineIndex, tables: Tables, seed: int = 0) -> None:
        self.exact, self.tables, self.recall = exact, tables, tables.recall
        self._codes, self._signs, self._central = _hash(exact, tables, seed)
        self._most_in_first, self._most_in_all = (most_differing(bits, tables.side) for bits in (64, 64 * _SIGN_WORDS))
        rows = len(exact.vectors)
        self._starts = np.zeros((tables.tables, (1 << tables.planes) + 1), dtype=np.int32)
        self._by_table(lambda first, last: _starts(self._codes, self._starts, first, last))
        self._ends = self._starts[:, :-1].copy()
        self._entries = np.empty((tables.tables, rows), dtype=np.int32)
        self._first_signs = np.empty((tables.tables, rows), dtype=np.uint64)
        self._kept = np.empty(rows, dtype=np.int64)
        self._kept_signs = np.empty_like(self._signs)
        self._count = 0

    def _by_table(self, function: Callable[[int, int], None]) -> None:
        count = self.tables.tables
        self.exact.threads.map(lambda first: function(first, min(first + 8, count)), range(0, count, 8))

    def find(self, rows: Rows) -> Matches:
        """For each of `rows` the most similar kept row among those that it meets; of equals the one kept first."""

        def search(start: int) -> tuple[Rows, Similarities]:
            return _meet(
                rows[start : start + _TASK_ROWS], self._codes, self._signs, self._starts, self._ends, self._entries,
                self._first_signs, self._kept, self._kept_signs, self._most_in_first, self._most_in_all,
                self.exact.least, self.exact.vectors, self.exact.heads.scales, self.exact.groups,
            )  # fmt: skip

        parts = self.exact.threads.map(search, range(0, len(rows), _TASK_ROWS))
        kept = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
        similarity = np.concatenate([np.empty(0), *(part[1] for part in parts)])
        central = np.flatnonzero(self._central[rows])
        if len(central):
            direct = self.exact.find(rows[central])
            better = direct.similarity > similarity[central]
            kept[central[better]] = direct.kept[better]
            similarity[central[better]] = direct.similarity[better]
        return Matches(kept, similarity)

    def within(self, rows: Rows) -> Pairs:
        """All pairs among `rows` that repeat each other, found directly."""
        return self.exact.within(rows)

    def add(self, rows: Rows) -> None:
        """Note that `rows` are kept."""
        entries = slice(self._count, self._count + len(rows))
        self._kept[entries], self._kept_signs[entries] = rows, self._signs[rows]
        self._by_table(
            lambda first, last: _enter(
                rows, self._count, self._codes, self._signs, first, last, self._ends, self._entries, self._first_signs
            )
        )
        self._count += len(rows)
        self.exact.add(rows[self._central[rows]])


def index_for(
    vectors: Vectors,
    threshold: float,
    groups: Groups | None = None,
    seed: int = 0,
    exact_up_to: int = 100_000,
    recall: float = RECALL,
    threads: int | None = None,
) -> CosineIndex | SignIndex:
    """The index for a pool: exact up to so many rows, and above wherever that is cheaper; its `recall` says which.

    Arguments and errors as for `CosineIndex`. If `residual` finds too much, a `recall` nearer to 1 makes more tables.
    """
    exact = CosineIndex(vectors, threshold, groups, seed, threads)
    if len(exact.vectors) <= exact_up_to:
        return exact
    tables = Tables.plan(exact.vectors, exact.heads.scales, threshold, recall, seed)
    if tables is None or tables.cost >= exact.heads.cost * len(exact.vectors) / 2:
        return exact
    return SignIndex(exact, tables, seed)


def _hash(
    exact: CosineIndex, tables: Tables, seed: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """The bucket of each row in each table, (n, L); its first signs, (n, 4); and whether it is near the center."""
    rows, dimensions = exact.vectors.shape
    planes = max(tables.planes * tables.tables, 64 * _SIGN_WORDS)
    normals = np.random.default_rng(seed).standard_normal((planes, dimensions), dtype=np.float32)
    offsets = normals @ tables.center
    codes = np.empty((rows, tables.tables), dtype=np.uint32)
    signs = np.empty((rows, _SIGN_WORDS), dtype=np.uint64)
    central = np.empty(rows, dtype=np.bool_)

    def strip(start: int) -> None:
        part = slice(start, start + _STRIP_ROWS)
        vectors = unit(exact.vectors[part], exact.heads.scales[part])
        central[part] = np.linalg.norm(vectors - tables.center, axis=1) < tables.radius
        _pack(vectors @ normals.T, offsets, tables.planes, codes[part], signs[part])

    exact.threads.map(strip, range(0, rows, _STRIP_ROWS))
    return codes, signs, central


@numba.njit(cache=True, nogil=True)
def _pack(
    products: npt.NDArray[np.float32],
    offsets: npt.NDArray[np.float32],
    planes: int,
    codes: npt.NDArray[np.uint32],
    signs: npt.NDArray[np.uint64],
) -> None:
    for row in range(len(products)):
        for table in range(codes.shape[1]):
            code = np.uint32(0)
            for plane in range(table * planes, table * planes + planes):
                code = np.uint32((code << np.uint32(1)) | np.uint32(products[row, plane] > offsets[plane]))
            codes[row, table] = code
        for word in range(signs.shape[1]):
            bits = np.uint64(0)
            for plane in range(64 * word, 64 * word + 64):
                bits = (bits << np.uint64(1)) | np.uint64(products[row, plane] > offsets[plane])
            signs[row, word] = bits


@numba.njit(cache=True, nogil=True)
def _starts(codes: npt.NDArray[np.uint32], starts: npt.NDArray[np.int32], first: int, last: int) -> None:
    """Room in each bucket of a table for all rows that belong there: bucket b begins at `starts[table, b]`."""
    for table in range(first, last):
        for row in range(len(codes)):
            starts[table, codes[row, table] + 1] += 1
        for bucket in range(1, starts.shape[1]):
            starts[table, bucket] += starts[table, bucket - 1]


@numba.njit(cache=True, nogil=True)
def _enter(
    rows: npt.NDArray[np.int64],
    count: int,
    codes: npt.NDArray[np.uint32],
    signs: npt.NDArray[np.uint64],
    first: int,
    last: int,
    ends: npt.NDArray[np.int32],
    entries: npt.NDArray[np.int32],
    first_signs: npt.NDArray[np.uint64],
) -> None:
    for table in range(first, last):
        for place in range(len(rows)):
            code = codes[rows[place], table]
            slot = ends[table, code]
            entries[table, slot], first_signs[table, slot] = count + place, signs[rows[place], 0]
            ends[table, code] = slot + 1


@numba.njit(cache=True, nogil=True, inline="always")
def _ones(bits: np.uint64) -> np.uint64:
    """How many of 64 bits are set; compilers know this pattern and make one instruction of it."""
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (bits * np.uint64(0x0101010101010101)) >> np.uint64(56)


@numba.njit(cache=True, nogil=True)
def _meet(
    rows: npt.NDArray[np.int64],
    codes: npt.NDArray[np.uint32],
    signs: npt.NDArray[np.uint64],
    starts: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
    entries: npt.NDArray[np.int32],
    first_signs: npt.NDArray[np.uint64],
    kept: npt.NDArray[np.int64],
    kept_signs: npt.NDArray[np.uint64],
    most_in_first: int,
    most_in_all: int,
    least: float,
    vectors: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float64],
    groups: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    nearest, highest = np.full(len(rows), -1, np.int64), np.zeros(len(rows))  # entries, and how similar
    # Table by table, so that the buckets of one stay in the cache for all rows.
    for table in range(len(starts)):
        for place in range(len(rows)):
            row = rows[place]
            code = codes[row, table]
            own = signs[row, 0]
            for slot in range(starts[table, code], ends[table, code]):
                if _ones(own ^ first_signs[table, slot]) > most_in_first:
                    continue
                entry = entries[table, slot]
                if entry == nearest[place]:
                    continue
                differing = np.uint64(0)
                for word in range(signs.shape[1]):
                    differing += _ones(signs[row, word] ^ kept_signs[entry, word])
                if differing <= most_in_all and groups[kept[entry]] == groups[row]:
                    similarity = cosine(row, kept[entry], vectors, scales)
                    if similarity >= least and (
                        similarity > highest[place] or (similarity == highest[place] and entry < nearest[place])
                    ):
                        nearest[place], highest[place] = entry, similarity
    for place in range(len(rows)):
        if nearest[place] >= 0:
            nearest[place] = kept[nearest[place]]
    return nearest, highest

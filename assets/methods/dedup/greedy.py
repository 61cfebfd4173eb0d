"""Which rows stay: one pass from the best row to the worst, in which a row goes only for one that stays.

All kinds of duplicates (exact, near, semantic) are asked in the same pass. Were they asked one after the other, a row
could go for one that goes in the next stage, and nothing like it would be left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.progress import Advance

Rows = npt.NDArray[np.int64]
Similarities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matches:
    """For each of b rows the kept row that it repeats (-1: none), and how similar they are (higher = more alike)."""

    kept: Rows
    similarity: Similarities


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows that repeat each other, by their places in the rows that were asked about; first < second."""

    first: Rows
    second: Rows
    similarity: Similarities


class KeptIndex(Protocol):
    """One kind of likeness, and the rows that were kept so far. Rows are numbers from 0 to the size of the index."""

    @property
    def name(self) -> str:
        """What the ledger calls this kind: exact, near or semantic."""
        ...

    def find(self, rows: Rows) -> Matches:
        """The kept row that each of `rows` repeats; the most similar one, or the one kept first where that is told."""
        ...

    def within(self, rows: Rows) -> Pairs:
        """All pairs among `rows` themselves that repeat each other."""
        ...

    def add(self, rows: Rows) -> None:
        """Note that `rows` are kept."""
        ...


@dataclass(frozen=True)
class Duplicates:
    """For each of n rows the kept row that it went for (-1: it stays), which index said so (-1), and the similarity."""

    kept: Rows
    index: npt.NDArray[np.int8]
    similarity: Similarities


def keep_best(
    order: Rows, indexes: Sequence[KeptIndex], rows: int, advance: Advance, block_rows: int = 1024
) -> Duplicates:
    """Visit the rows of `order`, best first; a row stays unless an index finds a row it repeats among those that stay.

    `rows` is the size of the result; rows that are not in `order` stay. Indexes are asked in their order, and the
    first that finds something names the kind. Rows that must stay, such as those of an earlier version, are added to
    the indexes by the caller beforehand. Guaranteed for any indexes: no row goes for a row that does not stay. If the
    indexes are exact, no two rows that stay repeat each other.

    Rows are visited in blocks, with the answer of visiting them one by one: each block is compared with the rows that
    stayed before, then with itself. Which row a row goes for is the most similar one that the index tells, among the
    rows that stayed before the block or else in the block. Raises `DataError` for an order that names a row twice.

    Cost: for each block a question to each index and the pairs of that block. Memory: 17 bytes a row and the pairs.
    """
    _check(order, rows, block_rows)
    result = Duplicates(np.full(rows, -1, np.int64), np.full(rows, -1, np.int8), np.zeros(rows))
    for start in range(0, len(order), block_rows):
        block = order[start : start + block_rows]
        found = _found_before(block, indexes)
        _resolve(found.kept, found.index, found.similarity, len(indexes), block, *_pairs_within(block, indexes, found))
        gone = found.index < len(indexes)
        result.kept[block[gone]] = found.kept[gone]
        result.index[block[gone]] = found.index[gone]
        result.similarity[block[gone]] = found.similarity[gone]
        for index in indexes:
            index.add(block[~gone])
        advance(len(block))
    return result


def _check(order: Rows, rows: int, block_rows: int) -> None:
    if block_rows < 1:
        raise DataError(f"block_rows: expected at least 1, not {block_rows}")
    if len(order) and not (order.min() >= 0 and order.max() < rows):
        raise DataError(f"order: expected rows from 0 to {rows - 1:,}, not {order.min():,} to {order.max():,}")
    times = np.bincount(order, minlength=1)
    if times.max() > 1:
        raise DataError(f"order: row {times.argmax():,} is named {times.max():,} times; it would repeat itself")


def _found_before(block: Rows, indexes: Sequence[KeptIndex]) -> Duplicates:
    """What the indexes find among the rows that stayed before; here the index is `len(indexes)` where none did."""
    found = Duplicates(
        np.full(len(block), -1, np.int64), np.full(len(block), len(indexes), np.int8), np.zeros(len(block))
    )
    for number, index in enumerate(indexes):
        asked = np.flatnonzero(found.index == len(indexes))
        matches = index.find(block[asked])
        hit = matches.kept >= 0
        found.kept[asked[hit]], found.index[asked[hit]] = matches.kept[hit], number
        found.similarity[asked[hit]] = matches.similarity[hit]
    return found


def _pairs_within(
    block: Rows, indexes: Sequence[KeptIndex], found: Duplicates
) -> tuple[Rows, Rows, npt.NDArray[np.int8], Similarities]:
    """The pairs of a block that may still matter: places in the block, the index, and the similarity."""
    parts = []
    for number, index in enumerate(indexes):
        # Rows that a later index has found are asked about as well: the earlier one names the kind.
        places = np.flatnonzero(found.index > number)
        pairs = index.within(block[places])
        useful = found.index[places[pairs.first]] == len(indexes)  # the others do not stay
        first, second = places[pairs.first[useful]], places[pairs.second[useful]]
        parts.append((first, second, np.full(len(first), number, np.int8), pairs.similarity[useful]))
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0)
    first, second, kinds, similarity = (np.concatenate(column) for column in zip(*parts, strict=True))
    return first, second, kinds, similarity


@numba.njit(cache=True, nogil=True)
def _resolve(
    kept: npt.NDArray[np.int64],
    index: npt.NDArray[np.int8],
    similarity: npt.NDArray[np.float64],
    none: int,
    block: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    second: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.int8],
    similarities: npt.NDArray[np.float64],
) -> None:
    """Visit the places of a block in turn, and enter what each goes for. Cost: O(places + pairs)."""
    # The pairs of each place one behind the other, in the order in which they came.
    starts = np.zeros(len(block) + 1, np.int64)
    for pair in range(len(second)):
        starts[second[pair] + 1] += 1
    starts = np.cumsum(starts)
    pairs, ends = np.empty(len(second), np.int64), starts.copy()
    for pair in range(len(second)):
        pairs[ends[second[pair]]] = pair
        ends[second[pair]] += 1
    for place in range(len(block)):
        best = -1
        for number in range(starts[place], starts[place + 1]):
            pair = pairs[number]
            if index[first[pair]] != none or kinds[pair] > index[place]:
                continue
            if best >= 0 and kinds[pair] == kinds[best]:
                better = similarities[pair] > similarities[best] or (
                    similarities[pair] == similarities[best] and first[pair] < first[best]
                )
            else:
                better = kinds[pair] < index[place]
            if better:
                best = pair
                kept[place], index[place], similarity[place] = block[first[pair]], kinds[pair], similarities[pair]

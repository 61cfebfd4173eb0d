"""Buckets: the rows that agree in a band, found without looking at any others, and verified.

For each band there is a hash table. A slot holds the entry that came last, each entry the one before it in its slot.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.dedup.greedy import Rows, Similarities
from assets.methods.dedup.shingles import jaccard
from assets.methods.dedup.sketches import Sketches

Groups = npt.NDArray[np.int32]
Shared = npt.NDArray[np.bool_]  # (n, b) whether a row agrees with any other in a band; elsewhere nobody need look


class Buckets:
    """Some of the rows of `sketches`, at most `capacity`, as entries that are numbered in the order in which they come.

    Memory: for b bands 4 b bytes an entry and at most 8 b for each of `capacity`.
    """

    def __init__(self, sketches: Sketches, groups: Groups, capacity: int, shared: Shared) -> None:
        answers = sketches.answers
        self._data = (
            np.asarray(sketches.bands),
            groups,
            np.asarray(sketches.shingles.values),
            np.asarray(sketches.shingles.offsets),
            np.empty(0, np.uint64) if answers is None else np.asarray(answers.values),
            np.empty(0, np.int64) if answers is None else np.asarray(answers.offsets),
            shared,
        )
        bands = sketches.bands.shape[1]
        self.rows = np.empty(capacity, dtype=np.int64)  # the row of each entry
        self._entries = 0
        self._heads = np.full((bands, 1 << max(capacity - 1, 1).bit_length()), -1, dtype=np.int32)
        self._before = np.empty((capacity, bands), dtype=np.int32)
        self._asked_by = np.full(capacity, -1, dtype=np.int64)  # the last question for which an entry was looked at
        self._questions = 0

    def ask(self, rows: Rows, threshold: float, answers: float, insert: bool) -> tuple[Rows, Rows, Similarities]:
        """All pairs of one of `rows` and an entry that it repeats: the place in `rows`, the entry, the similarity.

        They repeat each other from the similarity `threshold` on, if their answers have the similarity `answers` or
        both have none. Places ascend. With `insert` a row becomes an entry once it has been asked about, so that later
        rows find it.
        """
        found = _ask(
            rows, threshold, answers, insert, self._entries, self._questions, self.rows, self._heads, self._before,
            self._asked_by, *self._data,
        )  # fmt: skip
        self._questions += len(rows)
        self._entries += len(rows) if insert else 0
        return found

    def add(self, rows: Rows) -> None:
        """Make `rows` entries."""
        bands, groups, _, offsets, _, _, shared = self._data
        _add(rows, self._entries, self.rows, self._heads, self._before, bands, groups, offsets, shared)
        self._entries += len(rows)


@numba.njit(cache=True, nogil=True, inline="always")
def _slot(value: np.uint32, group: np.int32, slots: int) -> np.int64:
    # The bands are hashes already; the group has to reach the bits that pick the slot.
    spread = np.uint64(np.uint32(group)) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((np.uint64(value) ^ (spread >> np.uint64(32))) & np.uint64(slots - 1))


@numba.njit(cache=True, nogil=True)
def _enter(
    row: int,
    entry: int,
    heads: npt.NDArray[np.int32],
    before: npt.NDArray[np.int32],
    bands: npt.NDArray[np.uint32],
    groups: npt.NDArray[np.int32],
    shared: npt.NDArray[np.bool_],
) -> None:
    for band in range(bands.shape[1]):
        if not shared[row, band]:
            continue
        slot = _slot(bands[row, band], groups[row], heads.shape[1])
        before[entry, band] = heads[band, slot]
        heads[band, slot] = entry


@numba.njit(cache=True, nogil=True)
def _add(
    rows: npt.NDArray[np.int64],
    entries: int,
    entry_rows: npt.NDArray[np.int64],
    heads: npt.NDArray[np.int32],
    before: npt.NDArray[np.int32],
    bands: npt.NDArray[np.uint32],
    groups: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    shared: npt.NDArray[np.bool_],
) -> None:
    for place in range(len(rows)):
        row = rows[place]
        entry_rows[entries + place] = row
        if offsets[row + 1] > offsets[row]:  # a row without tokens repeats nothing
            _enter(row, entries + place, heads, before, bands, groups, shared)


@numba.njit(cache=True, nogil=True)
def _ask(
    rows: npt.NDArray[np.int64],
    threshold: float,
    least_answer: float,
    insert: bool,
    entries: int,
    questions: int,
    entry_rows: npt.NDArray[np.int64],
    heads: npt.NDArray[np.int32],
    before: npt.NDArray[np.int32],
    asked_by: npt.NDArray[np.int64],
    bands: npt.NDArray[np.uint32],
    groups: npt.NDArray[np.int32],
    values: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    answers: npt.NDArray[np.uint64],
    answer_offsets: npt.NDArray[np.int64],
    shared: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    room, found = 1024, 0
    places, repeated, similarities = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    for place in range(len(rows)):
        row = rows[place]
        own = values[offsets[row] : offsets[row + 1]]
        for band in range(bands.shape[1] if len(own) else 0):
            if not shared[row, band]:
                continue
            entry = np.int64(heads[band, _slot(bands[row, band], groups[row], heads.shape[1])])
            while entry >= 0:
                other = entry_rows[entry]
                agree = bands[other, band] == bands[row, band] and groups[other] == groups[row]
                if agree and asked_by[entry] != questions + place:
                    asked_by[entry] = questions + place
                    likeness = jaccard(own, values[offsets[other] : offsets[other + 1]], threshold)
                    if likeness > 0.0 and len(answer_offsets):
                        one = answers[answer_offsets[row] : answer_offsets[row + 1]]
                        two = answers[answer_offsets[other] : answer_offsets[other + 1]]
                        if len(one) + len(two) and jaccard(one, two, least_answer) == 0.0:
                            likeness = 0.0
                    if likeness > 0.0:
                        if found == room:
                            places = np.concatenate((places, np.empty(room, np.int64)))
                            repeated = np.concatenate((repeated, np.empty(room, np.int64)))
                            similarities = np.concatenate((similarities, np.empty(room)))
                            room *= 2
                        places[found], repeated[found], similarities[found] = place, entry, likeness
                        found += 1
                entry = np.int64(before[entry, band])
        if insert:
            entry_rows[entries + place] = row
            if len(own):
                _enter(row, entries + place, heads, before, bands, groups, shared)
    return places[:found].copy(), repeated[:found].copy(), similarities[:found].copy()

"""Counts of words after one and two others, and the probabilities that they make, by Witten and Bell (1991).

What belongs here: what a response says by itself, without its prompt. One open hash table holds contexts and what
follows them, so that a table for 2,500 rows is made in a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.tokens import mix
from assets.methods.word_numbers import Rows, Words

Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int32]
Whole = int | np.integer[Any]
Real = float | np.floating[Any]

_PAIR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Counted:
    """What follows what in some responses, each of which begins after two starts and is followed by its end.

    `single`: (events,) how often each word, and last the end, occurs. `keys`, `counts`, `kinds`: the hash table: of a
    context how often it occurs and how many kinds of events follow; of a context with an event how often.
    `total`, `kinds_seen`: all events, and how many kinds.
    """

    single: Counts
    keys: Keys
    counts: Counts
    kinds: Counts
    total: int
    kinds_seen: int

    @classmethod
    def of(cls, words: Words, rows: Rows) -> Counted:
        """Those of the responses of `rows`. Cost and memory: linear in their words, 256 bytes each at most."""
        sizes = words.response_offsets[rows + 1] - words.response_offsets[rows] + 1
        total = int(sizes.sum())
        slots = 1 << max(4, (8 * total - 1).bit_length())  # at most 4 entries an event, so half are empty
        keys, counts, kinds = np.zeros(slots, np.uint64), np.zeros(slots, np.int32), np.zeros(slots, np.int32)
        single = np.zeros(words.size + 1, np.int32)
        _count(words.responses, words.response_offsets, rows, words.end, single, keys, counts, kinds)
        return cls(single, keys, counts, kinds, total, int((single > 0).sum()))

    def unigrams(self) -> npt.NDArray[np.float64]:
        """(events,) probabilities without context; they sum to 1, and none is 0: Witten and Bell's over even ones."""
        found: npt.NDArray[np.float64] = (self.single + self.kinds_seen / len(self.single)) / max(
            1, self.total + self.kinds_seen
        )
        return found if self.total else np.full(len(self.single), 1.0 / len(self.single))


@numba.njit(cache=True, nogil=True, inline="always")
def after_one(word: Whole) -> np.uint64:
    """The key of the context of one word."""
    return mix(np.uint64(word) * _PAIR + np.uint64(0x51)) | np.uint64(1)


@numba.njit(cache=True, nogil=True, inline="always")
def joined(context: np.uint64, word: Whole) -> np.uint64:
    """The key of a context with an event after it, or of a longer context; another one for each, never 0."""
    return mix(context * _PAIR ^ (np.uint64(word) + np.uint64(0x2545F4914F6CDD1D))) | np.uint64(1)


@numba.njit(cache=True, nogil=True, inline="always")
def slot_of(keys: npt.NDArray[np.uint64], key: np.uint64) -> Whole:
    """Where a key is, or the empty slot where it would be."""
    slot = np.int64((key >> np.uint64(1)) & np.uint64(len(keys) - 1))
    while keys[slot] and keys[slot] != key:
        slot = (slot + 1) & (len(keys) - 1)
    return slot


@numba.njit(cache=True, nogil=True, inline="always")
def after_two(one: np.uint64, before: Whole) -> np.uint64:
    """The key of the context of two words, from that of the last one."""
    return joined(one ^ np.uint64(0xD6E8FEB86659FD92), before)


@numba.njit(cache=True, nogil=True)
def _count(
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    end: int,
    single: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.int32],
) -> None:
    for row in rows:
        before, last = end + 1, end + 1
        for place in range(offsets[row], offsets[row + 1] + 1):
            word = end if place == offsets[row + 1] else ids[place]
            single[word] += 1
            one = after_one(last)
            for context in (one, after_two(one, before)):
                known = slot_of(keys, context)
                keys[known] = context
                counts[known] += 1
                key = joined(context, word)
                event = slot_of(keys, key)
                if not keys[event]:
                    keys[event] = key
                    kinds[known] += 1
                counts[event] += 1
            before, last = last, word


@numba.njit(cache=True, nogil=True, inline="always")
def chance_of(
    keys: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.int32],
    context: np.uint64,
    word: Whole,
    shorter: Real,
) -> tuple[Real, Whole]:
    """The probability of an event after a context, from the one after a shorter context; and how often it was seen."""
    known = slot_of(keys, context)
    if not keys[known]:
        return shorter, 0
    event = slot_of(keys, joined(context, word))
    seen = counts[event] if keys[event] else 0
    return (seen + kinds[known] * shorter) / (counts[known] + kinds[known]), counts[known]

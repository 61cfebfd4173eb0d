"""Overlap: which of many short texts stand, for the most part, in a longer one, by their runs of tokens (n-grams).

Nothing here knows what the texts are. Cost and memory are said at `NgramIndex`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.tokens import Hashes, Rows, Tokens, mix


@dataclass(frozen=True)
class NgramIndex:
    """The distinct n-grams of some items, and which of them lead to an item.

    An item of which a record holds the share t must have a hit among any (1 - t) of its n-grams and one more. So only
    its rarest ones, that many, lead to it, and what most items begin with leads to none.

    Memory: about 50 bytes for each distinct n-gram of the items.
    """

    ngram: int
    threshold: float
    table: Rows  # hash table: the number of an n-gram, or -1
    grams: Hashes  # (g,) the hash of each n-gram, ascending
    item_offsets: Rows  # (m + 1,) where the n-grams of each item, indexed or not, begin in
    item_grams: Rows
    lead_offsets: Rows  # (g + 1,) where the items that an n-gram leads to begin in
    leads: Rows

    @classmethod
    def of(cls, tokens: Tokens, items: Rows, ngram: int, threshold: float) -> NgramIndex:
        """Index `items`, each of at least `ngram` tokens."""
        counts = np.diff(tokens.offsets)[items] - ngram + 1
        owners = np.repeat(items, counts)
        starts = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + tokens.offsets[owners]
        grams, numbers = np.unique(_runs(tokens.hashes, starts, ngram), return_inverse=True)
        pairs = np.unique(np.stack([owners, numbers]), axis=1)  # each n-gram of an item once
        owners, numbers = pairs
        distinct = np.bincount(owners, minlength=len(tokens))
        item_offsets = np.concatenate([[0], np.cumsum(distinct)])
        rarity = np.bincount(numbers, minlength=len(grams))
        order = np.lexsort((numbers, rarity[numbers], owners))
        rank = np.arange(len(owners)) - item_offsets[owners[order]]
        leading = order[rank <= distinct[owners[order]] - np.ceil(threshold * distinct[owners[order]] - 1e-9)]
        leading = leading[np.lexsort((owners[leading], numbers[leading]))]
        lead_offsets = np.concatenate([[0], np.cumsum(np.bincount(numbers[leading], minlength=len(grams)))])
        return cls(ngram, threshold, _hash_table(grams), grams, item_offsets, numbers, lead_offsets, owners[leading])

    def most_held(self, turns: Tokens, records: Rows) -> tuple[Rows, npt.NDArray[np.float64]]:
        """For each record, made of the turns records[i] to records[i + 1], the item that it holds most of, or -1.

        And the share of the item's n-grams that it holds, at least the threshold, or 0; of equals the first item. An
        n-gram does not reach across two turns. Cost: linear in the tokens, plus the size of each item that is led to.
        """
        return _most_held(
            turns.hashes, turns.offsets, records, self.ngram, self.threshold, self.table, self.grams,
            self.item_offsets, self.item_grams, self.lead_offsets, self.leads,
        )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _runs(tokens: npt.NDArray[np.uint64], starts: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.uint64]:
    found = np.empty(len(starts), np.uint64)
    for i in range(len(starts)):
        found[i] = _run(tokens, starts[i], starts[i] + size)
    return found


@numba.njit(cache=True, nogil=True)
def _hash_table(grams: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    slots = 2
    while slots < 2 * len(grams):
        slots *= 2
    table = np.full(slots, -1, np.int64)
    for number in range(len(grams)):
        slot = np.int64(grams[number] & np.uint64(slots - 1))
        while table[slot] >= 0:
            slot = (slot + 1) & (slots - 1)
        table[slot] = number
    return table


@numba.njit(cache=True, nogil=True)
def _most_held(
    tokens: npt.NDArray[np.uint64],
    turns: npt.NDArray[np.int64],
    records: npt.NDArray[np.int64],
    ngram: int,
    threshold: float,
    table: npt.NDArray[np.int64],
    grams: npt.NDArray[np.uint64],
    item_offsets: npt.NDArray[np.int64],
    item_grams: npt.NDArray[np.int64],
    lead_offsets: npt.NDArray[np.int64],
    leads: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    count = len(records) - 1
    best, share = np.full(count, -1, np.int64), np.zeros(count)
    met_in = np.full(len(grams), -1, np.int64)  # the last record in which an n-gram was met
    asked_by = np.full(len(item_offsets) - 1, -1, np.int64)  # the last record that an item was compared with
    met = np.empty(len(grams), np.int64)
    last = np.uint64(len(table) - 1)
    for record in range(count):
        found = 0
        for turn in range(records[record], records[record + 1]):
            for start in range(turns[turn], turns[turn + 1] - ngram + 1):
                gram = _run(tokens, start, start + ngram)
                slot = np.int64(gram & last)
                while table[slot] >= 0 and grams[table[slot]] != gram:
                    slot = np.int64(np.uint64(slot + 1) & last)
                number = table[slot]
                if number >= 0 and met_in[number] != record:
                    met_in[number] = record
                    met[found] = number
                    found += 1
        for number in met[:found]:
            for lead in range(lead_offsets[number], lead_offsets[number + 1]):
                item = leads[lead]
                if asked_by[item] == record:
                    continue
                asked_by[item] = record
                own = item_grams[item_offsets[item] : item_offsets[item + 1]]
                shared = 0
                for each in own:
                    shared += met_in[each] == record
                part = shared / len(own)
                if part >= threshold and (part > share[record] or (part == share[record] and item < best[record])):
                    best[record], share[record] = item, part
    return best, share


@numba.njit(cache=True, nogil=True)
def wholes(tokens: npt.NDArray[np.uint64], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """A hash of all tokens of each text."""
    found = np.empty(len(offsets) - 1, np.uint64)
    for text in range(len(found)):
        found[text] = _run(tokens, offsets[text], offsets[text + 1])
    return found


@numba.njit(cache=True, nogil=True)
def _run(tokens: npt.NDArray[np.uint64], begin: int, end: int) -> np.uint64:
    value = np.uint64(end - begin)
    for place in range(begin, end):
        value = (value ^ tokens[place]) * np.uint64(0x9FB21C651E98DF25)
    return mix(value)

"""Exact duplicates: rows whose turns and label are equal, once some differences are folded away."""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.methods.cleaning.utf8 import each, edit, mask, views
from assets.methods.conversations import Conversations
from assets.methods.dedup.greedy import Matches, Pairs, Rows
from assets.methods.tokens import PUNCTUATION, SPACE, classes, decode

Keys = npt.NDArray[np.bytes_]  # (n,) of 16 bytes

# No byte of a text in UTF-8 is as high as these, so no text can look like a border between two.
_AFTER_ROLE, _AFTER_TURN, _BEFORE_LABEL, _NO_LABEL = b"\xfc", b"\xfd", b"\xfe", b"\xff"


def duplicate_keys(conversations: Conversations, fold: AbstractSet[str], with_label: bool) -> Keys:
    """(n,) keys of 16 bytes, equal exactly where the roles and contents of all turns are and, if asked, the labels.

    `fold` says what does not count in the contents: `case` (as `str.casefold`); `whitespace` (a run of any white space
    is one space, and none at the ends); `punctuation` (as if it were white space, so -5 is 5 and C# is C). A text of
    nothing but punctuation is not folded, since that is what it says. BLAKE2b-128 over the folded text.
    Cost: linear in the text, about 3 microseconds for a row of 450 bytes.
    """
    unknown = fold - {"whitespace", "case", "punctuation"}
    if unknown:
        raise ValueError(f"fold: expected whitespace, case or punctuation, not {', '.join(sorted(unknown))}")
    contents = _fold(conversations.contents, fold).cast(pa.binary())
    turns = pc.binary_join_element_wise(conversations.roles.cast(pa.binary()), contents, _AFTER_ROLE)
    lists = pa.ListArray.from_arrays(pa.array(conversations.offsets, pa.int32()), turns)
    rows = pc.binary_join(lists, _AFTER_TURN)
    if with_label:
        labels = pc.coalesce(conversations.labels.cast(pa.binary()), pa.scalar(_NO_LABEL, pa.binary()))
        rows = pc.binary_join_element_wise(rows, labels, _BEFORE_LABEL)
    data, offsets = views(rows)
    whole, ends, blake2b = data.data, offsets.tolist(), hashlib.blake2b
    digests = [blake2b(whole[ends[i] : ends[i + 1]], digest_size=16).digest() for i in range(len(conversations))]
    return np.frombuffer(b"".join(digests), dtype="S16")


def _fold(texts: pa.StringArray, fold: AbstractSet[str]) -> pa.StringArray:
    if "case" in fold:
        plain = mask(pc.string_is_ascii(texts))
        texts = pc.ascii_lower(edit(texts, ~plain, each(str.casefold)))
    if fold & {"whitespace", "punctuation"}:
        data, offsets = _spaced(*views(texts), classes(), PUNCTUATION if "punctuation" in fold else SPACE)
        texts = pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(data))
    return texts


@numba.njit(cache=True, nogil=True)
def _spaced(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32], classes: npt.NDArray[np.uint8], last_class: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """The texts with each run of characters of the classes SPACE to `last_class` as one space, and none at the ends."""
    texts = len(offsets) - 1
    folded = np.empty(np.int64(offsets[texts]) - offsets[0], np.uint8)
    ends = np.zeros(texts + 1, np.int32)
    count = 0
    for text in range(texts):
        begin, place, end = count, np.int64(offsets[text]), np.int64(offsets[text + 1])
        waiting = False  # a space that is due once something follows
        while place < end:
            point, size = decode(data, place)
            if SPACE <= classes[point] <= last_class:
                waiting = count > begin
            else:
                if waiting:
                    folded[count] = 32
                    count += 1
                    waiting = False
                for i in range(size):
                    folded[count + i] = data[place + i]
                count += size
            place += size
        if count == begin:
            for same in range(offsets[text], offsets[text + 1]):
                folded[count] = data[same]
                count += 1
        ends[text + 1] = count
    return folded[:count].copy(), ends


class ExactIndex:
    """The exact duplicates among n rows (see `KeptIndex`), by their keys. Similarities are 1.

    Labels that must agree are in the keys already. Cost: one hash table of all keys; then a look into an array for each
    row. Memory: 16 bytes a row.
    """

    name = "exact"

    def __init__(self, keys: Keys | pa.FixedSizeBinaryArray | pa.ChunkedArray) -> None:
        if isinstance(keys, np.ndarray):
            keys = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(keys), [None, pa.py_buffer(keys)])
        elif isinstance(keys, pa.ChunkedArray):
            keys = keys.combine_chunks()
        encoded = keys.dictionary_encode()
        self._number = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        self._kept = np.full(len(encoded.dictionary), -1, dtype=np.int64)

    def find(self, rows: Rows) -> Matches:
        """For each of `rows` the row with its key that was kept first."""
        kept = self._kept[self._number[rows]]
        return Matches(kept, (kept >= 0).astype(np.float64))

    def within(self, rows: Rows) -> Pairs:
        """All pairs among `rows` with the same key. Memory: 24 bytes a pair."""
        numbers = self._number[rows]
        order = np.argsort(numbers, kind="stable")
        # Each place in the order is paired with all later ones of its run.
        run_ends = np.searchsorted(numbers[order], numbers[order], side="right")
        later = run_ends - np.arange(len(order)) - 1
        left = np.repeat(np.arange(len(order)), later)
        step = np.arange(len(left)) - np.repeat(np.cumsum(later) - later, later) + 1
        return Pairs(order[left], order[left + step], np.ones(len(left)))

    def add(self, rows: Rows) -> None:
        """Note that `rows` are kept."""
        numbers = self._number[rows]
        fresh, first = np.unique(numbers, return_index=True)
        unknown = self._kept[fresh] < 0
        self._kept[fresh[unknown]] = rows[first[unknown]]

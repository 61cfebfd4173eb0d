"""The step that drops texts with words of the user's own list."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, MinLen

from assets.methods.cleaning.steps import Columns, Faults, Measuring, Said, plural
from assets.methods.cleaning.utf8 import digest
from assets.methods.conversations import Conversations, Rows
from assets.methods.tokens import Tokens
from assets.tables import escape


@dataclass(frozen=True)
class Words(Measuring):
    """Drops records with more than `max` hits of the words or phrases in `words` (`toxic_words`).

    A hit is the whole word or the words of a phrase one after the other, whatever their case and whatever punctuation
    stands between them; in scripts without spaces it is the characters, wherever they stand. Of two entries that begin
    at the same word each counts. All turns are searched.

    Statistics: the number of hits, and the entry that is met first. Not in the default list: the list is the user's.
    """

    name: ClassVar[str] = "toxicity"
    words: Annotated[tuple[Annotated[str, MinLen(1)], ...], MinLen(1)]
    max: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("expected at least one word")
        for word in self.words:
            if any(unicodedata.category(character) == "Cc" for character in word):
                raise ValueError(f"expected words, not '{escape(word)}', which holds a control character")
        bare = np.diff(self._entries.offsets) == 0
        if bare.any():
            first = escape(self.words[int(np.argmax(bare))])
            raise ValueError(f"expected words, not '{first}', which holds no letter or digit")

    @cached_property
    def _entries(self) -> Tokens:
        return Tokens.of(pa.array(self.words, pa.string()))

    @cached_property
    def _key(self) -> str:
        return digest(self.words)

    def statistics(self) -> dict[str, pa.DataType]:
        return {f"word_hits_{self._key}": pa.int64(), f"first_word_{self._key}": pa.string()}

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """Cost: one look into a table for every token."""
        hits, first = find(batch.tokens.hashes, batch.tokens.joined(batch.offsets).offsets, self._entries)
        words = pa.array(self.words, pa.string()).take(pa.array(first, mask=first < 0))
        return dict(zip(self.statistics(), (pa.array(hits), words), strict=True))

    def judge(self, columns: Columns) -> Faults:
        hits, first = (columns[name] for name in self.statistics())
        found = pc.make_struct(hits, first, field_names=["hits", "first"])

        def say(row: dict[str, object]) -> Said:
            count = plural(int(str(row["hits"])), "word")
            what = f"{count} of the list, the first of them: {escape(str(row['first']))}"
            return "toxic_words", what, str(row["hits"]), f"at most {self.max}"

        return Faults.where(pc.greater(hits, self.max), found, say)


def find(hashes: npt.NDArray[np.uint64], offsets: Rows, entries: Tokens) -> tuple[Rows, Rows]:
    """How often entries stand in each text (n,), and the entry met first (n,), -1 if none.

    Text i has the tokens hashes[offsets[i]:offsets[i + 1]]. Of entries that begin at one token the shortest is first.
    """
    sizes = np.diff(entries.offsets)
    heads = entries.hashes[entries.offsets[:-1]]
    order = np.lexsort((np.arange(len(sizes)), sizes, heads))
    hits, first = _find(hashes, offsets, entries.hashes, entries.offsets, heads[order], order)
    return np.asarray(hits, np.int64), np.asarray(first, np.int64)


@numba.njit(cache=True, nogil=True)
def _find(
    hashes: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int64],
    entry_hashes: npt.NDArray[np.uint64],
    entry_offsets: npt.NDArray[np.int64],
    heads: npt.NDArray[np.uint64],
    order: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    # A table of where the entries of each first token begin in `heads`, which is sorted.
    size = 4
    while size < 4 * len(heads):
        size *= 2
    last = np.uint64(size - 1)
    table = np.full(size, -1, np.int64)
    for i in range(len(heads)):
        if i == 0 or heads[i] != heads[i - 1]:
            slot = np.int64((heads[i] ^ (heads[i] >> np.uint64(32))) & last)
            while table[slot] >= 0:
                slot = np.int64(slot + 1 if slot + 1 < size else 0)
            table[slot] = i
    texts = len(offsets) - 1
    hits, first = np.zeros(texts, np.int64), np.full(texts, -1, np.int64)
    for text in range(texts):
        end = offsets[text + 1]
        for place in range(offsets[text], end):
            token = hashes[place]
            slot = np.int64((token ^ (token >> np.uint64(32))) & last)
            while table[slot] >= 0 and heads[table[slot]] != token:
                slot = np.int64(slot + 1 if slot + 1 < size else 0)
            i = table[slot]
            while 0 <= i < len(heads) and heads[i] == token:
                entry = order[i]
                begin, length = entry_offsets[entry], entry_offsets[entry + 1] - entry_offsets[entry]
                k = 1
                while k < length and place + k < end and hashes[place + k] == entry_hashes[begin + k]:
                    k += 1
                if k == length:
                    hits[text] += 1
                    if first[text] < 0:
                        first[text] = entry
                i += 1
    return hits, first


def read_words(lines: Sequence[str]) -> tuple[str, ...]:
    """The entries of a list: one a line, without white space around it; empty lines and remarks are none.

    A remark is a `#` alone or with white space behind it; "#metoo" is an entry.
    """
    found = (line.strip() for line in lines)
    return tuple(dict.fromkeys(line for line in found if line and line.split(maxsplit=1)[0] != "#"))

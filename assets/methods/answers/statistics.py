"""What the answers of some rows have in common: how many of them have a word, and how often words follow each other.

Counts are kept in tables of a fixed size under hashed keys: two runs of words may share a place, which makes rare ones
look a little less rare, in all rows alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.tokens import mix

Ids = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]

LONG = 5  # words of the longest runs that are counted
_MOST_BITS = 24


@dataclass(frozen=True)
class Corpus:
    """Prompts and answers as numbers of words; prompt i is `asked[asked_offsets[i]:asked_offsets[i + 1]]`.

    Numbers run from 0 to `size` - 1; `size` is the end of an answer, `size` + 1 its beginning.
    """

    asked: Ids
    asked_offsets: Rows
    said: Ids
    said_offsets: Rows
    size: int


@dataclass(frozen=True)
class Statistics:
    """Of the answers of `rows` rows. `documents`: (size + 2,) how many prompts and answers have each word, at most two
    a row; `singles`: (size + 2,) how often it stands in answers; `pairs`, `triples`, `runs`: (2^b,) by hashed key.
    """

    rows: int
    documents: Counts
    singles: Counts
    pairs: Counts
    triples: Counts
    runs: Counts

    @classmethod
    def of(cls, corpus: Corpus, rows: Rows) -> Statistics:
        """Cost: linear in the words of the rows, .3 s for 45,000 of Alpaca. Memory: 12 bytes x 2^b, at most 200 MB."""
        words = len(corpus.said) + 2 * len(corpus.said_offsets)
        bits = min(_MOST_BITS, max(10, (2 * words - 1).bit_length()))
        tables = [np.zeros(1 << bits, np.int32) for _ in range(3)]
        singles = np.zeros(corpus.size + 2, np.int32)
        documents = np.zeros(corpus.size + 2, np.int32)
        _count(corpus.said, corpus.said_offsets, rows, corpus.size, singles, *tables)
        _count_documents(corpus.asked, corpus.asked_offsets, rows, documents)
        _count_documents(corpus.said, corpus.said_offsets, rows, documents)
        return cls(len(rows), documents, singles, *tables)

    def rarity(self) -> npt.NDArray[np.float64]:
        """(size + 2,) log of how few texts have each word; higher = rarer; a word nobody has is as rare as can be."""
        found: npt.NDArray[np.float64] = np.log((2 * self.rows + 1) / (self.documents + 1.0))
        return found


@numba.njit(cache=True, nogil=True, inline="always")
def joined(state: np.uint64, word: int | np.int32) -> np.uint64:
    """The key of a run of words with one more word."""
    return mix(state * np.uint64(0x9FB21C651E98DF25) ^ np.uint64(word + 1))


@numba.njit(cache=True, nogil=True)
def _count(
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    end: int,
    singles: npt.NDArray[np.int32],
    pairs: npt.NDArray[np.int32],
    triples: npt.NDArray[np.int32],
    runs: npt.NDArray[np.int32],
) -> None:
    last = np.uint64(len(pairs) - 1)
    for row in rows:
        begin, stop = offsets[row], offsets[row + 1]
        singles[end + 1] += 1
        for place in range(begin, stop + 1):
            word = end if place == stop else ids[place]
            before = ids[place - 1] if place > begin else end + 1
            earlier = ids[place - 2] if place > begin + 1 else end + 1
            singles[word] += 1
            pairs[joined(joined(np.uint64(2), before), word) & last] += 1
            triples[joined(joined(joined(np.uint64(3), earlier), before), word) & last] += 1
            state = np.uint64(LONG)
            for one in range(place - LONG + 1, place + 1):
                state = joined(state, end + 1 if one < begin else end if one == stop else ids[one])
            runs[state & last] += 1


@numba.njit(cache=True, nogil=True)
def _count_documents(
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    documents: npt.NDArray[np.int32],
) -> None:
    seen = np.full(len(documents), -1, np.int64)
    for row in rows:
        for place in range(offsets[row], offsets[row + 1]):
            if seen[ids[place]] != row:
                seen[ids[place]] = row
                documents[ids[place]] += 1

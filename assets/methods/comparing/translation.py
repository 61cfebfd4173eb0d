"""Which words of a prompt call for which words of a response: IBM model 1 (Brown and others 1993).

What belongs here: probabilities of pairs of words, learned from rows. An answer that belongs to another question
teaches nothing here, and takes room from one that does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.comparing.ngrams import Real, Whole, slot_of
from assets.methods.tokens import mix
from assets.methods.word_numbers import Rows, Words

TARGETS = 64  # words of a response that are learned from: its beginning
ROUNDS = 3

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Translation:
    """`keys`, `counts`: a hash table of pairs of a source and a response word, how often it is expected that the one
    called for the other. `totals`: (words,) the sum of a source. What a source leaves goes to the unigrams (`share`).
    """

    keys: npt.NDArray[np.uint64]
    counts: Weights
    totals: Weights

    @classmethod
    def of(cls, words: Words, rows: Rows, unigrams: npt.NDArray[np.float64]) -> Translation:
        """Learned from `rows` in three rounds of expectation and maximisation, with the unigrams as what calls for a
        word that no source does. Cost: 16 sources x 64 words a row at most; memory: about 28 bytes a pair.
        """
        sources = words.source_offsets[rows + 1] - words.source_offsets[rows]
        targets = np.minimum(words.response_offsets[rows + 1] - words.response_offsets[rows], TARGETS)
        pairs = int((sources * targets).sum())
        slots = 1 << max(4, (2 * pairs - 1).bit_length()) if pairs else 16
        keys, places = np.zeros(slots, np.uint64), np.empty(pairs, np.int32)
        arrays = (words.sources, words.source_offsets, words.responses, words.response_offsets)
        _enter(*arrays, rows, keys, places)
        counts, totals = np.zeros(slots, np.float32), np.zeros(words.size, np.float32)
        for round_ in range(ROUNDS):
            counts, totals = _expect(*arrays, rows, places, counts, totals, unigrams, round_ == 0)
        return cls(keys, counts, totals)


@numba.njit(cache=True, nogil=True, inline="always")
def pair_key(source: Whole, word: Whole) -> np.uint64:
    """The key of a pair of words, never 0; two pairs share one as rarely as 63 random bits do."""
    return mix((np.uint64(source) << np.uint64(32)) ^ np.uint64(word) ^ np.uint64(0xA0761D6478BD642F)) | np.uint64(1)


@numba.njit(cache=True, nogil=True, inline="always")
def share(count: Real, total: Real, unigram: Real) -> Real:
    """The probability of a word, called for by a source: as if each source had called once for any word at all."""
    return (count + unigram) / (total + 1.0)


@numba.njit(cache=True, nogil=True)
def _enter(
    sources: npt.NDArray[np.int32],
    source_offsets: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    keys: npt.NDArray[np.uint64],
    places: npt.NDArray[np.int32],
) -> None:
    """Enter all pairs, and note where each is, so that the rounds need not look it up again."""
    pair = 0
    for row in rows:
        for place in range(offsets[row], min(offsets[row + 1], offsets[row] + TARGETS)):
            for one in range(source_offsets[row], source_offsets[row + 1]):
                key = pair_key(sources[one], ids[place])
                slot = slot_of(keys, key)
                keys[slot] = key
                places[pair] = slot
                pair += 1


@numba.njit(cache=True, nogil=True)
def _expect(
    sources: npt.NDArray[np.int32],
    source_offsets: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    places: npt.NDArray[np.int32],
    counts: npt.NDArray[np.float32],
    totals: npt.NDArray[np.float32],
    unigrams: npt.NDArray[np.float64],
    first: bool,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The expected counts under the last ones; at `first` each source is as likely to have called for a word."""
    found, sums = np.zeros_like(counts), np.zeros_like(totals)
    pair = 0
    for row in rows:
        begin, end = source_offsets[row], source_offsets[row + 1]
        for place in range(offsets[row], min(offsets[row + 1], offsets[row] + TARGETS)):
            unigram = unigrams[ids[place]]
            whole = unigram
            for one in range(end - begin):
                source = sources[begin + one]
                whole += 1.0 if first else share(counts[places[pair + one]], totals[source], unigram)
            for one in range(end - begin):
                source = sources[begin + one]
                likely = 1.0 if first else share(counts[places[pair + one]], totals[source], unigram)
                found[places[pair + one]] += np.float32(likely / whole)
                sums[source] += np.float32(likely / whole)
            pair += end - begin
    return found, sums

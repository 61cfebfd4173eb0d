"""A small conditional language model: how probable a response is, given its prompt, after reading some rows.

What belongs here: mixing three ways to the next word, what follows two words (`ngrams`), what the prompt says, and
what its words call for (`translation`). How much each counts is learned from a tenth of the rows. It is no match for
a network, but it is trained in a fraction of a second, and what harms a network harms it: answers to other questions,
answers that break off, the same phrase everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from assets.errors import DataError
from assets.methods.comparing.ngrams import Counted, after_one, after_two, chance_of, slot_of
from assets.methods.comparing.translation import Translation, pair_key, share
from assets.methods.word_numbers import Rows, Words

Floats = npt.NDArray[np.float64]

KEPT = 10  # one row in so many teaches how much each way counts, and nothing else
_BORDERS = (1, 4, 16)  # how often the last word was seen: the classes of contexts, each with weights of its own
_PRIOR = np.array([80.0, 10.0, 10.0])  # words, as if seen in each class: so few rows do not decide
_ROUNDS = 10


@dataclass(frozen=True)
class WordModel:
    """A model of some rows of `words`. `weights`: (classes, 3), of n-grams, copies and translations; rows sum to 1."""

    words: Words
    counted: Counted
    translation: Translation
    unigrams: Floats
    weights: Floats

    @classmethod
    def train(cls, words: Words, rows: Rows, seed: int) -> WordModel:
        """A model of `rows`, the same for the same rows in any order.

        Raises `DataError` for fewer than two rows. Cost: see `Translation`; .15 s for 2,500 rows of Alpaca on a core.
        """
        if len(rows) < 2:
            raise DataError(f"{len(rows)} rows to train a language model on: expected at least 2")
        shuffled = np.random.default_rng([seed, len(rows)]).permutation(np.sort(rows).astype(np.int64))
        kept = -(-len(rows) // KEPT)
        counted = Counted.of(words, shuffled[kept:])
        unigrams = counted.unigrams()
        translation = Translation.of(words, shuffled[kept:], unigrams)
        untuned = cls(words, counted, translation, unigrams, np.tile(_PRIOR / _PRIOR.sum(), (len(_BORDERS) + 1, 1)))
        ways, contexts = untuned._ways(shuffled[:kept])
        return cls(words, counted, translation, unigrams, _tune(ways, contexts, untuned.weights))

    def losses(self, rows: Rows) -> Floats:
        """(m,) mean nats per word of each response, its end being one more word; lower = more probable."""
        sizes = self.words.response_offsets[rows + 1] - self.words.response_offsets[rows] + 1
        begins = np.cumsum(sizes) - sizes
        return np.add.reduceat(self.word_losses(rows), begins) / sizes if len(rows) else np.empty(0)

    def word_losses(self, rows: Rows) -> Floats:
        """(t,) nats of each word of the responses and of each end, row after row. Always finite."""
        ways, contexts = self._ways(rows)
        found: Floats = -np.log((ways * self.weights[contexts]).sum(axis=1))
        return found

    def _ways(self, rows: Rows) -> tuple[Floats, Rows]:
        """(t, 3) the probability of each word in each way, and (t,) the class of its context."""
        words = self.words
        events = int((words.response_offsets[rows + 1] - words.response_offsets[rows] + 1).sum())
        ways, seen = np.empty((events, 3)), np.empty(events, np.int64)
        _fill(
            words.prompts, words.prompt_offsets, words.responses, words.response_offsets,
            words.sources, words.source_offsets, np.asarray(rows, np.int64), words.end, self.unigrams,
            self.counted.keys, self.counted.counts, self.counted.kinds,
            self.translation.keys, self.translation.counts, self.translation.totals, ways, seen,
        )  # fmt: skip
        return ways, np.searchsorted(_BORDERS, seen, side="right")


def _tune(ways: Floats, contexts: Rows, start: Floats) -> Floats:
    """Weights that make the words more probable, by expectation and maximisation, never far from the start unasked."""
    weights = start
    for _ in range(_ROUNDS):
        parts = ways * weights[contexts]
        parts /= parts.sum(axis=1, keepdims=True)
        counts = np.stack([np.bincount(contexts, part, minlength=len(start)) for part in parts.T], axis=1) + _PRIOR
        weights = counts / counts.sum(axis=1, keepdims=True)
    return weights


@numba.njit(cache=True, nogil=True)
def _fill(
    prompts: npt.NDArray[np.int32],
    prompt_offsets: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    sources: npt.NDArray[np.int32],
    source_offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    end: int,
    unigrams: npt.NDArray[np.float64],
    keys: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.int32],
    pair_keys: npt.NDArray[np.uint64],
    pair_counts: npt.NDArray[np.float32],
    totals: npt.NDArray[np.float32],
    ways: npt.NDArray[np.float64],
    seen: npt.NDArray[np.int64],
) -> None:
    in_prompt = np.zeros(end + 1, np.int32)
    event = 0
    for row in rows:
        asked = prompts[prompt_offsets[row] : prompt_offsets[row + 1]]
        called = sources[source_offsets[row] : source_offsets[row + 1]]
        for word in asked:
            in_prompt[word] += 1
        before, last = np.int32(end + 1), np.int32(end + 1)
        for place in range(offsets[row], offsets[row + 1] + 1):
            word = np.int32(end) if place == offsets[row + 1] else ids[place]
            one = after_one(last)
            likely, times = chance_of(keys, counts, kinds, one, word, unigrams[word])
            likely, _ = chance_of(keys, counts, kinds, after_two(one, before), word, likely)
            ways[event, 0], seen[event] = likely, times
            ways[event, 1] = in_prompt[word] / len(asked) if len(asked) else unigrams[word]
            ways[event, 2] = unigrams[word]
            if len(called):
                total = unigrams[word] * 0.0
                for source in called:
                    slot = slot_of(pair_keys, pair_key(source, word))
                    count = pair_counts[slot] if pair_keys[slot] else np.float32(0)
                    total += share(count, totals[source], unigrams[word])
                ways[event, 2] = total / len(called)
            before, last = last, word
            event += 1
        for word in asked:
            in_prompt[word] = 0

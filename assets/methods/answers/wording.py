"""What the words of an answer tell, in the light of other rows: their order, how they end, and what they take up."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from assets.methods.answers.statistics import LONG, Corpus, Rows, Statistics, joined

Floats = npt.NDArray[np.float32]

NAMES = (
    "words", "prompt_words", "commonness", "order", "known_pairs", "known_triples", "end_after_word",
    "end_after_pair", "beginning", "last_word", "taken_up", "answered", "rarest_shared", "variety", "unfinished",
    "ends_inside", "repeated", "repeated_most", "copied", "unknown",
)  # fmt: skip
_STRENGTH = 5.0  # a longer context counts as if its words had been foretold so often by the shorter one


def wording(corpus: Corpus, prompts: Rows, answers: Rows, known: Statistics) -> Floats:
    """(m, 20) of the answers `answers[i]` to the prompts `prompts[i]`, in the order of `NAMES`.

    `known` must be of other rows than these. Cost: linear in the words; .5 s for 67,000 rows of Alpaca.
    """
    found = np.zeros((len(prompts), len(NAMES)), np.float32)
    _fill(
        corpus.asked, corpus.asked_offsets, corpus.said, corpus.said_offsets, prompts, answers, corpus.size,
        known.rarity(), known.documents, known.singles, known.pairs, known.triples, known.runs, found,
    )  # fmt: skip
    return found


@numba.njit(cache=True, nogil=True)
def _fill(
    asked: npt.NDArray[np.int32],
    asked_offsets: npt.NDArray[np.int64],
    said: npt.NDArray[np.int32],
    said_offsets: npt.NDArray[np.int64],
    prompts: npt.NDArray[np.int64],
    answers: npt.NDArray[np.int64],
    end: int,
    rarity: npt.NDArray[np.float64],
    documents: npt.NDArray[np.int32],
    singles: npt.NDArray[np.int32],
    pairs: npt.NDArray[np.int32],
    triples: npt.NDArray[np.int32],
    runs: npt.NDArray[np.int32],
    found: npt.NDArray[np.float32],
) -> None:
    last = np.uint64(len(pairs) - 1)
    in_prompt = np.zeros(end + 2, np.int64)
    in_answer = np.zeros(end + 2, np.int64)
    total = 0.0
    for word in range(end + 1):
        total += singles[word]
    for row in range(len(prompts)):
        stamp = row + 1
        begin, stop = said_offsets[answers[row]], said_offsets[answers[row] + 1]
        first, final = asked_offsets[prompts[row]], asked_offsets[prompts[row] + 1]
        prompt_rarity = 0.0
        for place in range(first, final):
            if in_prompt[asked[place]] != stamp:
                in_prompt[asked[place]] = stamp
                prompt_rarity += rarity[asked[place]]
        count = stop - begin
        common = order = 0.0
        two = three = distinct = unknown = copied = 0
        answer_rarity = shared = rarest = ends_inside = repeated = most = 0.0
        since = 0
        for place in range(begin, stop + 1):
            word = end if place == stop else said[place]
            before = said[place - 1] if place > begin else end + 1
            earlier = said[place - 2] if place > begin + 1 else end + 1
            chance = (singles[word] + 0.5) / (total + 0.5 * (end + 1))
            pair = pairs[joined(joined(np.uint64(2), before), word) & last]
            context = pairs[joined(joined(np.uint64(2), earlier), before) & last] if place > begin + 1 else 0
            triple = triples[joined(joined(joined(np.uint64(3), earlier), before), word) & last]
            by_word = (pair + _STRENGTH * chance) / (singles[before] + _STRENGTH)
            by_pair = (triple + _STRENGTH * by_word) / (max(context, triple) + _STRENGTH)
            state = np.uint64(LONG)
            for one in range(place - LONG + 1, place + 1):
                state = joined(state, end + 1 if one < begin else end if one == stop else said[one])
            run = np.log(1.0 + runs[state & last])
            repeated += run
            most = max(most, run)
            if place == begin:
                found[row, 8] = np.log(by_word)
            if place == stop:
                found[row, 6] = np.log(by_word)
                found[row, 7] = np.log(by_pair)
                found[row, 9] = np.log(1.0 + singles[before])
                continue
            common += np.log(chance)
            order += np.log(by_pair) - np.log(chance)
            two += pair > 0
            three += triple > 0
            unknown += documents[word] == 0
            stops = (pairs[joined(joined(np.uint64(2), word), end) & last] + _STRENGTH * 0.01) / (
                singles[word] + _STRENGTH
            )
            if stops > 0.1:
                since = 0
                if place < stop - 1:
                    ends_inside += 1
            else:
                since += 1
            if in_prompt[word] == stamp and (place == begin or in_prompt[before] == stamp):
                copied += 1
            if in_answer[word] != stamp:
                in_answer[word] = stamp
                distinct += 1
                answer_rarity += rarity[word]
                if in_prompt[word] == stamp:
                    shared += rarity[word]
                    rarest = max(rarest, rarity[word])
        whole = max(1, count)
        found[row, 0] = np.log(1.0 + count)
        found[row, 1] = np.log(1.0 + final - first)
        found[row, 2] = common / whole
        found[row, 3] = order / whole
        found[row, 4] = two / whole
        found[row, 5] = three / whole
        found[row, 10] = shared / answer_rarity if answer_rarity > 0 else 0.0
        found[row, 11] = shared / prompt_rarity if prompt_rarity > 0 else 0.0
        found[row, 12] = rarest
        found[row, 13] = distinct / whole
        found[row, 14] = since
        found[row, 15] = ends_inside
        found[row, 16] = repeated / (count + 1)
        found[row, 17] = most
        found[row, 18] = copied / whole
        found[row, 19] = unknown / whole

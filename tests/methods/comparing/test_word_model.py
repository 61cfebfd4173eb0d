"""The small language model against probabilities by hand, and what it makes of junk."""

import math
import random
from collections import Counter

import numpy as np
import pytest

from assets.errors import DataError
from assets.methods.comparing.language_loss import LanguageLoss
from assets.methods.comparing.ngrams import Counted, slot_of
from assets.methods.comparing.splits import Split
from assets.methods.comparing.translation import ROUNDS, Translation, pair_key
from assets.methods.comparing.word_model import WordModel
from assets.methods.threads import Threads
from assets.methods.word_numbers import Words

VOCABULARY = ["red", "green", "blue", "one", "two", "."]


def pool(rows: int, seed: int = 0) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    prompts = [" ".join(draw.choices(VOCABULARY, k=draw.randint(0, 5))) for _ in range(rows)]
    responses = [" ".join(draw.choices(VOCABULARY, [4, 3, 2, 1, 1, 1], k=draw.randint(0, 6))) for _ in range(rows)]
    return prompts, responses


def every_next_word(
    history: list[str], prompt: str, known: tuple[list[str], list[str]]
) -> tuple[Words, int, list[int]]:
    """A pool whose last rows go on from `history` with every word there is; which rows, and which ends there."""
    prompts, responses = known
    first = len(prompts)
    prompts = [*prompts, *[prompt] * (len(VOCABULARY) + 1)]
    responses = [*responses, *(" ".join([*history, word]) for word in VOCABULARY), " ".join(history)]
    return Words.of(prompts, responses), first, list(range(first, len(prompts)))


@pytest.mark.parametrize("history", [[], ["red"], ["green", "green"], ["one", "two", "one"]])
@pytest.mark.parametrize("prompt", ["", "blue", "red red green two"])
def test_the_next_words_and_the_end_have_one_probability_together(history: list[str], prompt: str) -> None:
    words, first, last = every_next_word(history, prompt, pool(40))
    model = WordModel.train(words, np.arange(first), seed=0)
    total = 0.0
    for row in last:
        losses = model.word_losses(np.array([row]))
        total += math.exp(-losses[len(history)])
    assert total == pytest.approx(1.0, abs=1e-6)


def test_ngrams_are_those_of_witten_and_bell() -> None:
    prompts, responses = pool(60, seed=1)
    words = Words.of(prompts, responses)
    counted = Counted.of(words, np.arange(60))
    ids = [
        words.responses[a:b].tolist() for a, b in zip(words.response_offsets, words.response_offsets[1:], strict=False)
    ]
    end, start = words.end, words.end + 1
    events: Counter[tuple[int, ...]] = Counter()
    for row in ids:
        line = [start, start, *row, end]
        for place in range(2, len(line)):
            for size in (0, 1, 2):
                events[tuple(line[place - size : place + 1])] += 1

    def likely(context: tuple[int, ...], word: int) -> float:
        follow = {
            key[-1]: times for key, times in events.items() if len(key) == len(context) + 1 and key[:-1] == context
        }
        shorter = likely(context[1:], word) if context else 1 / (words.size + 1)
        if not follow:
            return shorter
        return (follow.get(word, 0) + len(follow) * shorter) / (sum(follow.values()) + len(follow))

    assert counted.unigrams() == pytest.approx([likely((), word) for word in range(words.size + 1)])
    model = WordModel(words, counted, Translation.of(words, np.arange(60), counted.unigrams()), counted.unigrams(),
                      np.tile([1.0, 0.0, 0.0], (4, 1)))  # fmt: skip
    for number in (0, 7, 31):
        line = [start, start, *ids[number], end]
        expected = [-math.log(likely((line[i - 2], line[i - 1]), line[i])) for i in range(2, len(line))]
        assert model.word_losses(np.array([number])) == pytest.approx(expected)


def test_translation_is_the_model_of_brown() -> None:
    prompts, responses = pool(20, seed=2)
    words = Words.of(prompts, responses)
    unigrams = Counted.of(words, np.arange(20)).unigrams()
    found = Translation.of(words, np.arange(20), unigrams)
    counts: Counter[tuple[int, int]] = Counter()
    totals: Counter[int] = Counter()
    for number in range(ROUNDS):
        last, sums = counts, totals
        counts, totals = Counter(), Counter()
        for row in range(20):
            sources = words.sources[words.source_offsets[row] : words.source_offsets[row + 1]].tolist()
            for word in words.responses[words.response_offsets[row] : words.response_offsets[row + 1]].tolist():
                likely = [(last[s, word] + unigrams[word]) / (sums[s] + 1) if number else 1.0 for s in sources]
                for source, one in zip(sources, likely, strict=True):
                    counts[source, word] += one / (unigrams[word] + sum(likely))
                    totals[source] += one / (unigrams[word] + sum(likely))
    for (source, word), count in counts.items():
        assert found.counts[slot_of(found.keys, np.uint64(pair_key(source, word)))] == pytest.approx(count, rel=1e-4)


def test_sources_are_the_rarest_words_each_once() -> None:
    prompts = ["the cat the end", "the dog", "the end " + " ".join(f"w{i}" for i in range(30))]
    words = Words.of(prompts, ["a"] * 3)
    rows = [words.sources[a:b] for a, b in zip(words.source_offsets, words.source_offsets[1:], strict=False)]
    assert [len(row) for row in rows] == [3, 2, 16]
    the = words.prompts[0]
    assert rows[0][-1] == rows[1][-1] == the
    assert the not in rows[2]


def test_words_keep_marks_and_take_no_heed_of_case() -> None:
    words = Words.of(["Stop. STOP!", None], ["stop .", None])
    assert words.prompts.tolist() == [0, 1, 0, 2]
    assert words.responses.tolist() == [0, 1]
    assert (words.size, len(words)) == (3, 2)


def test_the_same_rows_make_the_same_model_in_any_order() -> None:
    words = Words.of(*pool(50))
    rows = np.arange(40)
    one, other = (WordModel.train(words, order, seed=3).losses(np.arange(40, 50)) for order in (rows, rows[::-1]))
    assert one.tobytes() == other.tobytes()


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match="1 rows to train a language model on: expected at least 2"):
        WordModel.train(Words.of(*pool(5)), np.array([1]), seed=0)


def made_up(rows: int, seed: int) -> tuple[list[str], list[str]]:
    """Questions whose answers follow from them."""
    draw = random.Random(seed)
    topics = [f"topic{i}" for i in range(30)]
    prompts, responses = [], []
    for _ in range(rows):
        topic, style = draw.choice(topics), draw.choice(["short", "long"])
        tail = " ".join(f"{topic}x{draw.randint(0, 3)}" for _ in range(4 if style == "short" else 9))
        prompts.append(f"tell me in {style} about {topic}")
        responses.append(f"here is what {topic} is about : {tail} .")
    return prompts, responses


def test_rows_without_junk_foretell_better_though_junk_is_held_out_too() -> None:
    prompts, responses = made_up(3000, seed=4)
    junk = np.random.default_rng(0).permutation(3000)[:600]
    for place, row in enumerate(junk):
        if place % 3 == 0:
            responses[row] = responses[junk[(place + 3) % 600]]
        elif place % 3 == 1:
            responses[row] = responses[row][: len(responses[row]) // 2]
        else:
            responses[row] = "sorry , as a model i have no opinion about that ."
    proxy = LanguageLoss(Words.of(prompts, responses))
    split = Split(np.arange(2000), np.arange(2000, 3000), seed=0, wanted=1000)
    clean = np.setdiff1d(np.arange(2000), junk)
    gains = []
    for seed in range(4):
        draw = np.random.default_rng(seed)
        subsets = [np.sort(draw.permutation(clean)[:500]), np.sort(draw.permutation(2000)[:500])]
        without, with_junk = (found["loss"] for found in proxy.judge(split, subsets, Threads(2)))
        gains.append(with_junk - without)
    assert min(gains) > 0
    boilerplate = [row for row in proxy.judges(split) if responses[row].startswith("sorry")]
    assert not boilerplate


def test_a_subset_is_judged_the_same_beside_any_others_and_on_any_threads() -> None:
    proxy = LanguageLoss(Words.of(*made_up(200, seed=5)))
    split = Split(np.arange(150), np.arange(150, 200), seed=1, wanted=50)
    subsets = [np.arange(40), np.arange(50, 120), np.arange(20, 90)]
    together = proxy.judge(split, subsets, Threads(2))
    assert together == [proxy.judge(split, [rows], Threads(1))[0] for rows in subsets]

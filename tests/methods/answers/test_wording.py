"""Counts and features of words, against plain Python."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from assets.methods.answers import repeats, shapes, wording
from assets.methods.answers.correspondence import Correspondence, bags
from assets.methods.answers.statistics import Corpus, Statistics
from assets.methods.word_numbers import Words

PROMPTS = ["what is red?", "what is blue?", "name a fruit", "name a fruit that is red", "what is red?"]
ANSWERS = ["a rose is red.", "the sky is blue.", "a pear", "a red apple. it is a fruit.", "a rose is red."]


def corpus(prompts: list[str], answers: list[str]) -> Corpus:
    words = Words.of(pa.array(prompts), pa.array(answers))
    return Corpus(words.prompts, words.prompt_offsets, words.responses, words.response_offsets, words.size)


def tokens(text: str) -> list[str]:
    return text.replace(".", " .").replace("?", " ?").split()


def test_counts_are_those_of_the_rows_alone() -> None:
    made, rows = corpus(PROMPTS, ANSWERS), np.array([0, 1, 3])
    known = Statistics.of(made, rows)
    said = Counter(word for row in rows for word in tokens(ANSWERS[row]))
    assert sorted(known.singles[:-2][known.singles[:-2] > 0].tolist()) == sorted(said.values())
    assert known.singles[made.size] == known.singles[made.size + 1] == 3
    documents = Counter(word for texts in (PROMPTS, ANSWERS) for row in rows for word in set(tokens(texts[row])))
    assert sorted(known.documents[known.documents > 0].tolist()) == sorted(documents.values())
    assert known.pairs.sum() == known.triples.sum() == known.runs.sum() == sum(said.values()) + 3


def test_features_by_hand() -> None:
    made = corpus(PROMPTS, ANSWERS)
    known = Statistics.of(made, np.array([0, 1, 2, 4]))
    found = dict(zip(wording.NAMES, wording.wording(made, np.array([3]), np.array([3]), known)[0], strict=True))
    words = tokens(ANSWERS[3])
    assert found["words"] == pytest.approx(math.log1p(len(words)))
    assert found["prompt_words"] == pytest.approx(math.log1p(6))
    assert found["variety"] == pytest.approx(len(set(words)) / len(words))
    known_words = {word for row in (0, 1, 2, 4) for word in tokens(PROMPTS[row]) + tokens(ANSWERS[row])}
    assert found["unknown"] == pytest.approx(sum(word not in known_words for word in words) / len(words))
    documents = Counter(
        word for texts in (PROMPTS, ANSWERS) for row in (0, 1, 2, 4) for word in set(tokens(texts[row]))
    )
    rarity = {word: math.log(9 / (documents[word] + 1)) for word in {*words, *tokens(PROMPTS[3])}}
    shared = sum(rarity[word] for word in set(words) & set(tokens(PROMPTS[3])))
    assert found["taken_up"] == pytest.approx(shared / sum(rarity[word] for word in set(words)), rel=1e-5)
    assert found["answered"] == pytest.approx(shared / sum(rarity[word] for word in set(tokens(PROMPTS[3]))), rel=1e-5)


def test_an_answer_that_breaks_off_and_one_out_of_order_are_less_probable() -> None:
    texts = [f"the {colour} {thing} is here." for colour in ("red", "blue") for thing in ("cat", "dog", "cow")] * 20
    made = corpus(["where?"] * 122, [*texts, "the red cat is", "is here cat red the."])
    known = Statistics.of(made, np.arange(120))
    found = wording.wording(made, np.zeros(3, np.int64), np.array([0, 120, 121]), known)
    column = wording.NAMES.index
    assert found[1, column("end_after_word")] < found[0, column("end_after_word")] - 2
    assert found[2, column("order")] < found[0, column("order")] - 1
    assert found[2, column("known_pairs")] < found[0, column("known_pairs")]


def test_shared_answers_are_counted_in_other_rows() -> None:
    made = corpus(PROMPTS, ANSWERS)
    found = repeats.repeats(repeats.keys(made), np.array([0, 2, 3]), np.array([0, 1, 4]))
    assert np.expm1(found[:, 0]).round().tolist() == [2, 0, 0]
    assert np.expm1(found[:, 1]).round().tolist() == [2, 0, 0]


def test_bags_are_of_length_one_and_directions_bring_together_what_goes_together() -> None:
    topics = {"food": ["bread", "soup", "salt", "oven"], "sea": ["wave", "ship", "sand", "port"]}
    random = np.random.default_rng(0)
    names = random.choice(list(topics), 400)
    prompts = [f"{name} {random.integers(4)}" for name in names]
    answers = [" ".join(random.choice(topics[name], 3)) for name in names]
    made = corpus(prompts, answers)
    known = Statistics.of(made, np.arange(300))
    lines = bags(made.said, made.said_offsets, np.arange(400), known.rarity().astype(np.float32))
    assert np.allclose(np.asarray(lines.multiply(lines).sum(axis=1)).ravel(), 1, atol=1e-5)
    found = Correspondence.of(made, np.arange(300), known, 0)
    own, other = np.arange(300, 400), np.roll(np.arange(300, 400), 1)
    apart = names[own] != names[other]
    good, bad = found.features(made, own, own), found.features(made, own, other)
    assert (good[apart, 1] > bad[apart, 1]).mean() > 0.9
    again = Correspondence.of(made, np.arange(300), known, 0)
    assert again.left.tobytes() == found.left.tobytes()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It is so.", {"last_kind": 4, "first_kind": 1, "lines": 1, "open_brackets": 0}),
        ("it is (so,", {"last_kind": 7, "first_kind": 0, "open_brackets": 1}),
        ('a\n"b', {"lines": 2, "odd_quotes": 1, "last_line": 2}),
        ("今天很好", {"last_kind": 2, "spaces": 0}),
        ("今天很好\u3002", {"last_kind": 4}),
        ("```x = 1", {"open_fence": 1, "last_kind": 3}),
        ("  ", {"lines": 0}),
    ],
)
def test_shapes(text: str, wanted: dict[str, float]) -> None:
    found = dict(zip(shapes.NAMES, shapes.shapes([text])[0].tolist(), strict=True))
    assert {name: found[name] for name in wanted} == wanted

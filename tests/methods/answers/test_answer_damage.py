"""Damaged answers are what they are said to be, and are told apart from the answers that they are made of."""

from collections import Counter

import numpy as np
import pytest

from assets.methods.answers.damage import COMMON, CUT, KINDS, SCRAMBLED, SWAPPED, damaged

ANSWERS = [f"Answer {row} tells of thing{row % 7} and of colour{row % 5}, and so on at length." for row in range(300)]
FOLDS = np.arange(300) % 3


@pytest.mark.parametrize("kind", [SWAPPED, CUT, SCRAMBLED])
def test_damage_stays_in_its_fold_and_changes_the_answer(kind: str) -> None:
    made = damaged(kind, ANSWERS, FOLDS, 150, 0)
    assert 100 <= len(made.texts) <= 153
    assert all(text != ANSWERS[row] for text, row in zip(made.texts, made.prompts.tolist(), strict=True))
    assert Counter(FOLDS[made.prompts].tolist()).keys() == {0, 1, 2}


def test_each_kind_of_damage_is_what_it_is_called() -> None:
    made = damaged(SWAPPED, ANSWERS, FOLDS, 300, 1)
    givers = [ANSWERS.index(text) for text in made.texts]
    assert FOLDS[givers].tolist() == FOLDS[made.prompts].tolist()
    made = damaged(CUT, ANSWERS, FOLDS, 300, 1)
    assert all(ANSWERS[row].startswith(text) for text, row in zip(made.texts, made.prompts.tolist(), strict=True))
    made = damaged(SCRAMBLED, ANSWERS, FOLDS, 300, 1)
    assert all(
        sorted(text.split()) == sorted(ANSWERS[row].split())
        for text, row in zip(made.texts, made.prompts.tolist(), strict=True)
    )


def test_cut_answers_are_as_long_as_answers_are() -> None:
    random = np.random.default_rng(0)
    answers = ["x y " * int(size) for size in random.lognormal(3, 1, 3000)]
    made = damaged(CUT, answers, np.arange(3000) % 3, 3000, 0)
    medians = [np.median([len(text) for text in texts]) for texts in (answers, made.texts)]
    assert abs(medians[0] - medians[1]) < 0.2 * medians[0]


def test_common_answers_are_those_that_many_rows_share() -> None:
    assert not damaged(COMMON, ANSWERS, FOLDS, 100, 0).texts
    phrase, opening = "I cannot say.", "Thank you very much for this truly interesting question about "
    answers = [phrase if row < 20 else opening + text if row < 40 else text for row, text in enumerate(ANSWERS)]
    made = damaged(COMMON, answers, FOLDS, 100, 0)
    assert made.texts
    assert all(text == phrase or text.startswith(opening) for text in made.texts)


def test_characters_of_a_text_without_spaces_change_places() -> None:
    answers = [f"今天的天气很好我们去公园散步然后回家吃饭第{row}次。" for row in range(60)]
    made = damaged(SCRAMBLED, answers, np.zeros(60, np.int64), 60, 0)
    assert all(
        sorted(text) == sorted(answers[row]) and text != answers[row]
        for text, row in zip(made.texts, made.prompts.tolist(), strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_damaged_is_left_out(kind: str) -> None:
    assert not damaged(kind, ["a"] * 30, np.zeros(30, np.int64), 30, 0).texts


def test_the_same_seed_makes_the_same_damage() -> None:
    for kind in KINDS:
        one, again, other = (damaged(kind, ANSWERS, FOLDS, 90, seed) for seed in (4, 4, 5))
        assert one.texts == again.texts
        assert kind == COMMON or one.texts != other.texts

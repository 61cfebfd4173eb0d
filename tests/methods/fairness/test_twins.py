"""Counterfactual twins: which pairs there are, and which of them a selection parted."""

from itertools import combinations

import numpy as np
import pytest

from assets.methods.fairness.mentions import find_mentions, read_words
from assets.methods.fairness.twins import Twins, find_twins, whole_pairs

WORDS = read_words("gender", "m\the\th\nf\tshe\th\nm\thim\to\nf\ther\to\n")
TEXTS = [text for i in range(200) for text in (f"{i}: he asked her twin", f"{i}: she asked her twin")]
PLAIN = [text for i in range(200) for text in (f"task {i}: he left", f"task {i}: she left")]


def twins_of(texts: list[str], chosen: np.ndarray) -> Twins:
    (found,) = find_twins(texts, WORDS, find_mentions(texts, WORDS), chosen)
    return found


def test_pairs_and_what_was_kept_of_them() -> None:
    texts = ["He left.", "she left.", "he ran", "she ran", "he stood", "she sat", "nobody", "He left."]
    found = twins_of(texts, np.array([1, 0, 1, 1, 1, 0, 1, 0], dtype=bool))
    assert (found.groups, found.pairs, found.both, found.only) == (("m", "f"), 2, 1, (1, 0))
    assert (found.pool_rows, found.chosen_rows) == ((4, 3), (3, 1))
    assert found.rows == (1,)  # left out while its twin was kept
    assert found.ratio == 0.5


def test_texts_of_both_groups_are_no_twins() -> None:
    texts = TEXTS[:2]
    assert find_twins(texts, WORDS, find_mentions(texts, WORDS), np.ones(2, dtype=bool)) == ()


@pytest.mark.parametrize(
    ("kept", "one_sided", "parted"),
    [
        ([True, True], False, False),
        ([True, False], True, True),
        ([False, False], False, False),
    ],
)
def test_one_side_of_all_pairs(kept: list[bool], one_sided: bool, parted: bool) -> None:
    found = twins_of(PLAIN, np.array(kept * 200))
    assert (found.one_sided(), found.parted()) == (one_sided, parted)


def test_either_side_of_all_pairs_is_parted_but_fair() -> None:
    found = twins_of(PLAIN, np.array([True, False, False, True] * 100))
    assert (found.one_sided(), found.parted()) == (False, True)
    assert found.expected_both == pytest.approx(200 * 200 * 199 / (400 * 399))


def test_random_halves_are_fair() -> None:
    draw = np.random.default_rng(0)
    found = [twins_of(PLAIN, draw.random(400) < 0.5) for _ in range(40)]
    assert not any(one.one_sided() or one.parted() for one in found)


@pytest.mark.parametrize(("pairs", "drawn"), [(1, 1), (3, 2), (3, 4), (4, 5), (3, 6), (2, 0)])
def test_whole_pairs_are_those_of_all_possible_draws(pairs: int, drawn: int) -> None:
    """Text t belongs to pair t // 2."""
    whole = [drawn - len({t // 2 for t in draw}) for draw in combinations(range(2 * pairs), drawn)]
    expected = [whole.count(j) / len(whole) for j in range(drawn // 2 + 1)]
    np.testing.assert_allclose(whole_pairs(pairs, drawn), expected, atol=1e-12)

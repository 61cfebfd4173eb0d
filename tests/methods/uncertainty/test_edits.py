"""Small edits: always small, always an edit, the same every time, in any script; and the share of them that flips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from assets.errors import DataError
from assets.methods.uncertainty import edits

TEXTS = {
    "words": "My card has not arrived yet, what should I do?",
    "chinese": "我的银行卡还没有到,怎么办?",
    "thai": "บัตรของฉันยังมาไม่ถึง",
    "one word": "Refund",
    "two letters": "ok",
    "digits": "42",
    "mixed": "iPhone 手机 costs 300€",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_number_is_an_edit_that_is_the_same_every_time(text: str) -> None:
    found = edits.edits(text, 7, 20)
    assert len(found) == 20
    assert text not in found
    assert found == [edits.edit(text, 7, number) for number in range(20)]


def test_kinds_take_turns_and_seeds_differ() -> None:
    text = TEXTS["words"]
    swap, left_out, doubled, case, dropped = edits.edits(text, 0, 5)
    assert sorted(swap) == sorted(text)
    assert len(left_out) == len(text) - 1
    assert len(doubled) == len(text) + 1
    assert case.lower() == text.lower()
    assert len(dropped.split()) == len(text.split()) - 1
    assert len({tuple(edits.edits(text, seed, 5)) for seed in range(10)}) == 10


def test_chinese_loses_characters_not_sentences() -> None:
    text = TEXTS["chinese"]
    assert all(abs(len(one) - len(text)) <= 1 for one in edits.edits(text, 0, 50))


@pytest.mark.parametrize("text", ["", " ", "a", "?!", "_", "é!", "\n\t"])
def test_too_short_a_text_has_no_edit(text: str) -> None:
    assert edits.edit(text, 0, 0) is None
    assert edits.edits(text, 0, 5) == []
    assert "too short" in edits.NO_EDIT


@given(st.text(max_size=60), st.integers(0, 9), st.integers(0, 30))
def test_an_edit_is_small(text: str, seed: int, number: int) -> None:
    found = edits.edit(text, seed, number)
    if found is None:
        assert sum(character.isalnum() for character in text) < 2
        return
    assert found != text
    assert found.strip()
    assert 2 * len(found) >= len(text)
    words = max((len(word) for word in edits._WORD.findall(text)), default=0)
    assert Levenshtein.distance(text, found) <= max(2, 3 * words)  # a case may change the number of letters


def test_flip_rate_by_hand() -> None:
    answers = np.array([0, 1, 2, -1])
    edited = np.array([[0, 1, 2, 0], [1, 1, 1, 1], [-1, -1, -1, -1], [0, 0, 0, 0]])
    found = edits.flip_rate(answers, edited)
    assert found[:2].tolist() == [0.5, 0.0]
    assert np.isnan(found[2:]).all()
    assert edits.flip_rate(np.array([3]), np.array([[3, -1, 2]])).tolist() == [0.5]
    assert np.isnan(edits.flip_rate(answers, np.empty((4, 0), np.int64))).all()
    with pytest.raises(DataError, match=r"answers of shape \(4,\) and \(2, 4\)"):
        edits.flip_rate(answers, edited[:2])

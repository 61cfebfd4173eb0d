"""The share of repeated tokens is that of its definition, spelled out in plain Python."""

import numpy as np
import pytest
from batches import answers, batch, faults, reasons
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.cleaning.repetition import RepeatingAnswer, repeated_shares


def share(tokens: list[int], ngram: int) -> float:
    seen, repeated = set(), set()
    for i in range(len(tokens) - ngram + 1):
        run = tuple(tokens[i : i + ngram])
        if run in seen:
            repeated.update(range(i, i + ngram))
        seen.add(run)
    return len(repeated) / len(tokens)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=40), min_size=1, max_size=5), st.integers(1, 4))
def test_shares_are_those_of_the_definition(texts: list[list[int]], ngram: int) -> None:
    hashes = np.array([token for text in texts for token in text], np.uint64)
    ends = np.cumsum([len(text) for text in texts])
    starts = ends - [len(text) for text in texts]
    assert repeated_shares(hashes, starts, ends, ngram) == pytest.approx([share(text, ngram) for text in texts])


LOOP = "I will say this one more time. " * 12
STORY = " ".join(f"word{i}" for i in range(80))


def test_loops_are_dropped_and_stories_stay() -> None:
    records = answers(LOOP, STORY, "Yes. Yes. Yes.", None, "我会再说一遍。" * 12)
    assert reasons(RepeatingAnswer(), records) == ["repeating_answer", None, None, None, "repeating_answer"]
    (column,) = RepeatingAnswer().measure(records).values()
    assert column.null_count == 2
    assert column[1].as_py() == 0.0
    assert faults(RepeatingAnswer(), records).thresholds[0] == "at most 0.85"


def test_tags_repeat_by_nature() -> None:
    assert reasons(RepeatingAnswer(), batch([("u", "x"), ("a", "O " * 100)], format="token-labels")) == [None]


def test_only_what_changes_the_value_is_in_the_name() -> None:
    assert RepeatingAnswer(max=0.1).statistics() == RepeatingAnswer(max=0.9).statistics()
    assert RepeatingAnswer(ngram=3).statistics() != RepeatingAnswer(ngram=4).statistics()
    assert reasons(RepeatingAnswer(), answers()) == []

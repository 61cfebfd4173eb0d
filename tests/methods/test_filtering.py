"""Filters: which values pass, and what the ledger says of those that do not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from assets.methods.filtering import Condition, check_pattern, filtered, text_of
from assets.methods.rows import Item


@pytest.mark.parametrize(
    ("condition", "passing", "failing"),
    [
        (Condition("x", among=("3",)), [3, 3.0, "3"], ["3.0", 4, None, True, [3]]),
        (Condition("x", among=("true", None)), [True, "true", None, float("nan")], [False, 1]),
        (Condition("x", not_among=("a", "b")), ["c", None, 3], ["a", "b"]),
        (Condition("x", not_among=(None,)), ["", 0], [None, float("nan")]),
        (Condition("x", least=2), [2, "2.5", 1e9, "inf"], [1, "1.9", "two", None, "nan", ""]),
        (Condition("x", least=-1, most=1), [0, "-1", 1.0], [2, "-2"]),
        (Condition("x", contains="é"), ["café", ["é"]], ["cafe", None, 3]),
        (Condition("x", matches=r"^\d{3}$"), [123, "999"], ["1234", "a", None, "\ud800"]),
        (Condition("x", matches="(?i)ABC", not_among=("abc",)), ["xabcx", "ABC"], ["abc", "ab"]),
        (Condition("x", among=("[1,2]",)), [[1, 2]], [[2, 1]]),
        (Condition("x", contains="in"), [], [float("inf"), b"in"][:0]),
    ],
)
def test_what_passes(condition: Condition, passing: list[Any], failing: list[Any]) -> None:
    for value in passing:
        assert filtered(Item(1, {"x": value}), [condition]) is None, value
    for value in failing:
        assert filtered(Item(1, {"x": value}), [condition]) is not None, value
    assert condition.passes(None) == (filtered(Item(1, {}), [condition]) is None)


def test_what_the_ledger_says() -> None:
    conditions = [Condition("lang", among=("en", None)), Condition("score", least=0.5, most=1, not_among=("0.75",))]
    assert filtered(Item(7, {"score": 0.6}), conditions) is None
    miss = filtered(Item(7, {"lang": "en", "score": 0.2, "z": 1}), conditions)
    assert miss is not None
    assert (miss.line, miss.step, miss.reason, miss.value) == (7, "filter", "filtered", "0.2")
    assert miss.threshold == "not 0.75 and at least 0.5 and at most 1".replace("0.75", "'0.75'")
    assert miss.detail == f"the column 'score' is '0.2'; the filter asks for: {miss.threshold}"
    assert miss.text == '{"lang":"en","score":0.2,"z":1}'
    miss = filtered(Item(1, {"lang": "de"}), conditions)
    assert miss is not None
    assert miss.threshold == "one of 'en', nothing"


def test_values_that_are_no_text_do_not_stop_anything() -> None:
    for value in (float("inf"), b"\xff", {"a": float("nan")}):
        miss = filtered(Item(1, {"x": value}), [Condition("x", among=("a",))])
        assert miss is not None
        assert "filter asks for" in miss.detail
    assert text_of({"a": b"\xff"}) == "{'a': b'\\xff'}"


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{2000}", "\ud800"])
def test_patterns_that_re2_does_not_know(pattern: str) -> None:
    assert check_pattern(pattern)


def test_a_pattern_cannot_cost_hours() -> None:
    assert check_pattern("(a+)+$") is None
    started = time.process_time()
    assert not Condition("x", matches="^(a+)+$").passes("a" * 50_000 + "b")
    assert time.process_time() - started < 5

"""Lengths are those that Python counts, of the part that is asked for; bounds themselves are allowed."""

import numpy as np
import pyarrow as pa
import pytest
from batches import answers, batch, faults, reasons
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.cleaning.lengths import EmptyAnswer, EmptyPrompt, Length

words = st.lists(st.sampled_from(["a", "Wörter", "漢字", "\n", "😀"]), max_size=5).map(" ".join)
turns = st.lists(st.tuples(st.sampled_from("suat"), words), min_size=1, max_size=4)


def expected(record: list[tuple[str, str]], of: str) -> int | None:
    sizes = [len(text) for _, text in record]
    has_answer = record[-1][0] == "a"
    if of == "answer":
        return sizes[-1] if has_answer else None
    if of == "prompt":
        return sum(sizes[:-1] if has_answer else sizes) if len(record) > has_answer else None
    return sum(sizes)


@settings(deadline=None)
@given(st.lists(turns, min_size=1, max_size=5))
def test_characters_of_each_part_are_those_that_python_counts(records: list[list[tuple[str, str]]]) -> None:
    made = batch(*records)
    for of in ("conversation", "prompt", "answer"):
        (column,) = Length(of=of, min=0).measure(made).values()
        assert column.to_pylist() == [expected(record, of) for record in records]
    shortest, longest = Length(of="turn", min=0).measure(made).values()
    assert shortest.to_pylist() == [min(len(text) for _, text in record) for record in records]
    assert longest.to_pylist() == [max(len(text) for _, text in record) for record in records]
    assert EmptyPrompt().measure(made)["asked_characters"].to_pylist() == [
        sum(len(text) for role, text in record if role != "a") for record in records
    ]


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (Length(min=3, max=6), [None, "too_long", None]),
        (Length(min=6, max=7), [None, None, "too_short"]),
        (Length(of="prompt", max=1), [None, "too_long", "too_long"]),
        (Length(of="answer", min=5), [None, "too_short", None]),
        (Length(of="turn", min=3), ["too_short", None, None]),
        (Length(of="turn", max=4), ["too_long", None, None]),
        (Length(unit="tokens", min=2), [None, None, "too_short"]),
        (Length(unit="tokens", of="answer", max=3), [None, "too_long", None]),
    ],
)
def test_a_bound_is_allowed_and_beyond_it_is_a_fault(step: Length, found: list[str | None]) -> None:
    records = batch([("u", "a"), ("a", "three")], [("u", "b b"), ("a", "一二三四")], [("u", "abc")])
    assert reasons(step, records) == found


def test_a_fault_says_what_was_found_and_what_is_wanted() -> None:
    found = faults(Length(max=3), batch([("u", "abcd")]))
    assert found.values == ["4"]
    assert found.thresholds == ["at most 3 characters"]
    assert found.details == ["the conversation has 4 characters; expected at most 3 characters"]


def test_another_bound_needs_the_same_columns() -> None:
    assert Length(min=3, max=6).statistics() == Length(max=99).statistics()
    names = [
        name
        for of in ("conversation", "turn", "prompt", "answer")
        for unit in ("characters", "tokens")
        for name in Length(of=of, unit=unit, min=1).statistics()
    ]
    assert len(names) == len(set(names)) == 10
    assert Length("tokens", min=1).statistics() != Length("tokens", min=1, tokenizer="gpt2").statistics()


def test_a_models_tokens_are_counted_by_the_function_handed_over() -> None:
    def count(texts: pa.StringArray) -> np.ndarray:
        return np.array([2 * len(text) for text in texts.to_pylist()])

    step = Length("tokens", max=5, tokenizer="m", count_tokens=count)
    assert step.measure(batch([("u", "ab"), ("a", "c")]))["conversation_m_tokens"].to_pylist() == [6]
    assert step == Length("tokens", max=5, tokenizer="m")
    with pytest.raises(ValueError, match="no function counts the tokens of m"):
        Length("tokens", max=5, tokenizer="m").measure(batch([("u", "ab")]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected bounds, as in {length: {min: 3}}"),
        ({"min": 5, "max": 3}, r"expected min \(5\) to be at most max \(3\)"),
        ({"min": 5, "tokenizer": "m"}, "expected unit: tokens"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Length(**options)  # type: ignore[arg-type]


def test_empty_prompts_and_answers_have_their_reasons() -> None:
    records = batch(
        [("u", ""), ("a", "x")], [("u", "x"), ("a", "")], [("u", "x")], [("s", "x"), ("a", "y")], [("a", "y")]
    )
    assert reasons(EmptyPrompt(), records) == ["empty_prompt", None, None, None, "empty_prompt"]
    assert reasons(EmptyAnswer(), records) == [None, "empty_answer", None, None, None]


def test_a_batch_without_rows_has_columns_without_rows() -> None:
    for step in (Length(min=1), Length(of="turn", min=1), Length("tokens", min=1), EmptyPrompt(), EmptyAnswer()):
        assert reasons(step, answers()) == []

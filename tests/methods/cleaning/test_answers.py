"""Placeholders and repeated questions are found by the rule, one text at a time, that the columns stand for."""

import gzip
import json

import pytest
from batches import alpaca, answers, batch, faults, reasons
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.cleaning.answers import PLACEHOLDERS, AnswerEqualsPrompt, PlaceholderAnswer
from assets.methods.cleaning.lengths import EmptyAnswer
from assets.methods.cleaning.normalise import Normalise

near = st.text(st.sampled_from("<>nNoO OUTPutiaß/.A \n"), max_size=14)


def is_placeholder(answer: str) -> bool:
    text = answer.casefold().strip().rstrip(".")
    return any(
        text == known or (known.startswith("<") and "output" in known and text.startswith(known.rstrip(">")))
        for known in PLACEHOLDERS
    )


@settings(deadline=None)
@given(st.lists(near | st.sampled_from(PLACEHOLDERS).map(str.upper), min_size=1, max_size=8))
def test_placeholders_are_found_as_one_text_after_the_other_would_tell(texts: list[str]) -> None:
    found = reasons(PlaceholderAnswer(), answers(*texts))
    assert [reason is not None for reason in found] == [is_placeholder(text) for text in texts]


@pytest.mark.parametrize(
    ("answer", "is_fault"),
    [
        ("A cat.", False), (None, False), ("", False), ("<nooutput>", True), ("No Output.", True), ("N/A", True),
        ("<NoOutput> This cannot be done in text.", True), ("<No output - this is a visual task.>", True),
        ("<noinput>", True), ("<noinput>\nA cat.", False), ("None of the above.", False), ("none...", True),
        ("<html>", False),
    ],
)  # fmt: skip
def test_a_placeholder_is_an_answer_or_opens_it(answer: str | None, is_fault: bool) -> None:
    assert reasons(PlaceholderAnswer(), answers(answer)) == ["placeholder_answer" if is_fault else None]


def test_ones_own_placeholders_have_a_column_of_their_own() -> None:
    step = PlaceholderAnswer(placeholders=("TODO", "Maß"))
    assert reasons(step, answers("todo", "MASS.", "n/a")) == ["placeholder_answer", "placeholder_answer", None]
    assert step.statistics() != PlaceholderAnswer().statistics()
    assert faults(step, answers("todo")).values == ["TODO"]


def test_an_answer_may_be_the_whole_question_or_a_part_of_it() -> None:
    records = alpaca(
        ("Sort these", "a, b", " a, b\n"), ("Say a", "", "Say a"), ("Repeat", "x", "Repeat"), ("Say x", "x", "y"),
        ("Say x", "x", "Say x\nx"), ("Say x", "", ""), ("", "", ""), ("Repeat: ab", "b", "a"),
    )  # fmt: skip
    (column,) = AnswerEqualsPrompt().measure(records).values()
    assert column.to_pylist() == ["input", "prompt", "instruction", "", "prompt", "", "", ""]
    whole, part = "answer_equals_prompt", "answer_equals_prompt"
    assert reasons(AnswerEqualsPrompt(), records) == [None, whole, None, None, whole, None, None, None]
    assert reasons(AnswerEqualsPrompt(of="any"), records) == [part, whole, part, None, whole, None, None, None]
    assert AnswerEqualsPrompt(of="any").statistics() == AnswerEqualsPrompt().statistics()


def test_without_an_answer_or_a_question_nothing_is_equal() -> None:
    records = batch([("u", "x")], [("s", "x"), ("a", "x")], [("u", "y"), ("a", "z"), ("u", "x"), ("a", "x")])
    assert AnswerEqualsPrompt().measure(records)["answer_equals"].to_pylist() == [None, "", "prompt"]


part = st.text("ab ä\n", max_size=3)


@settings(deadline=None)
@given(st.lists(st.tuples(part, part, part), min_size=1, max_size=6))
def test_parts_are_compared_as_one_row_after_the_other_would_tell(rows: list[tuple[str, str, str]]) -> None:
    def name(instruction: str, given: str, answer: str) -> str:
        whole, answer = "\n".join(each for each in (instruction, given) if each).strip(), answer.strip()
        parts = {"instruction": instruction, "input": given} if instruction and given else {}
        equal = ["prompt"] * (whole == answer) + [key for key, text in parts.items() if text.strip() == answer]
        return equal[0] if answer and equal else ""

    found = AnswerEqualsPrompt().measure(alpaca(*rows))["answer_equals"]
    assert found.to_pylist() == [name(*row) for row in rows]


def test_a_long_answer_to_a_longer_question_costs_no_search() -> None:
    long = "a" * 200_000
    records = alpaca((long * 2, "x", long + "b"), (long, long, long))
    assert AnswerEqualsPrompt().measure(records)["answer_equals"].to_pylist() == ["", "instruction"]


def test_the_counts_of_alpaca() -> None:
    """28 empty answers, 71 placeholders, of which 39 say that there is no output and no more, 55 inputs given back."""
    rows = json.loads(gzip.decompress(shared_data("sft/alpaca_data.json.gz").read_bytes()))
    records = Normalise().transform(alpaca(*((row["instruction"], row["input"], row["output"]) for row in rows)))
    assert len(faults(EmptyAnswer(), records)) == 28
    placeholders = faults(PlaceholderAnswer(), records)
    assert len(placeholders) == 71
    whole = [records.answers[row].as_py().casefold().rstrip(".") for row in placeholders.rows.tolist()]
    assert sum(answer in PLACEHOLDERS and answer != "<noinput>" for answer in whole) == 39
    (equal,) = AnswerEqualsPrompt().measure(records).values()
    assert equal.to_pylist().count("input") == 55
    assert equal.to_pylist().count("prompt") == 1
    assert len(faults(AnswerEqualsPrompt(), records)) == 1

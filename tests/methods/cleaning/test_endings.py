"""Answers that stop in mid sentence, and answers that decline."""

import pytest
from batches import answers, batch, faults, reasons

from assets.methods.cleaning.endings import REFUSALS, Refusal, TruncatedAnswer

LONG = "This is a first sentence of some length. "


@pytest.mark.parametrize(
    ("end", "ending"),
    [
        ("This one has an end.", None),
        ("This one goes on and", "conjunction"),
        ("These are the ones that we have,", "comma"),
        ("These are the ones that we have (", "bracket"),
        ("This is how:\n```python\nprint(1)\n", "code"),
        ("This is how:\n```python\nprint(1)\n```", None),
        ("The second one simply stops at some wor", "letter"),
        ("\n1. An item. It ends without a full stop", None),
        ("\n- an item of the list", None),
        ("\nSincerely,", None),
        ("#one #two #three", None),
        ("然后是第二句话没有写完的一句话。他们说这件事情应该由我们来", "letter"),
    ],
)
def test_an_ending_is_known_for_what_it_is(end: str, ending: str | None) -> None:
    found = faults(TruncatedAnswer(min_chars=20), answers(LONG + end))
    assert found.values == ([ending] if ending else [])
    assert found.reasons == ["truncated_answer"] * len(found)


def test_short_answers_and_endings_not_asked_for_are_left_alone() -> None:
    records = answers("Well, and", LONG + "This one goes on and", None)
    assert reasons(TruncatedAnswer(min_chars=50), records) == [None, "truncated_answer", None]
    assert reasons(TruncatedAnswer(min_chars=500), records) == [None, None, None]
    assert reasons(TruncatedAnswer(min_chars=0, endings=("comma",)), records) == [None, None, None]


def test_token_labels_have_no_sentences() -> None:
    records = batch([("u", "x"), ("a", LONG + "and then,")], format="token-labels")
    assert reasons(TruncatedAnswer(min_chars=0), records) == [None]


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        ("As an AI language model, I have no hands.", "as an ai language model"),
        ("I’m sorry, but I can’t do that.", "i'm sorry, but i can"),
        ("I CANNOT FULFILL your request", "i cannot fulfill"),
        ("很抱歉，我无法回答。", "很抱歉,我无法"),
        ("作为一个人工智能语言模型，我没有感情。", "作为一个人工智能语言模型"),
        ("Machine learning is fun.", None),
        ("x" * 300 + " as an AI language model", None),
        (None, None),
    ],
)
def test_a_refusal_is_known_by_its_phrase(answer: str | None, phrase: str | None) -> None:
    found = faults(Refusal(), answers(answer))
    assert found.values == ([phrase] if phrase else [])


def test_phrases_and_the_place_they_are_looked_for_are_options() -> None:
    records = answers("No can do.", "Well: no can do.")
    assert reasons(Refusal(phrases=("no can (do",)), records) == [None, None]
    assert reasons(Refusal(phrases=("No can do",), within=10), records) == ["refusal", None]
    names = {
        name
        for step in (Refusal(), Refusal(within=9), Refusal(phrases=REFUSALS[:3]))
        for name in step.statistics()
    }  # fmt: skip
    assert len(names) == 3

"""Normalisation changes what it says and no more; every unsound record has its reason."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.methods import cleaning
from assets.params import PLACEHOLDERS

RULES = cleaning.Rules(min_chars=3, max_chars=100, placeholders=PLACEHOLDERS)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def turns(prompt: str, answer: str | None = None) -> list[dict[str, str]]:
    first = [{"role": "user", "content": prompt}]
    return first if answer is None else [*first, {"role": "assistant", "content": answer}]


@given(texts)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = cleaning.normalise(text)
    assert cleaning.normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert "\r" not in once


@given(texts)
def test_only_white_space_at_the_ends_and_unicode_form_change(text: str) -> None:
    expected = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    assert cleaning.normalise(text) == expected


def test_code_keeps_its_indentation_and_blank_lines() -> None:
    code = "def f():\n    return 1\n\n\n\tx = 2"
    assert cleaning.normalise(f"\n{code}\n ") == code


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (turns("What is it?", "A cat."), None),
        (turns("A labelled text"), None),
        (turns("What is it?", ""), "empty_answer"),
        (turns("", "A cat."), "empty_prompt"),
        (turns(""), "empty_prompt"),
        (turns("What is it?", "<nooutput>"), "placeholder_answer"),
        (turns("What is it?", "<NoOutput> This cannot be done in text."), "placeholder_answer"),
        (turns("What is it?", "<No output - this is a visual task.>"), "placeholder_answer"),
        (turns("What is it?", "No Output."), "placeholder_answer"),
        (turns("What is it?", "N/A"), "placeholder_answer"),
        (turns("What is it?", "<noinput>"), "placeholder_answer"),
        (turns("What is it?", "<noinput>\nA cat."), None),
        (turns("What is it?", "None of the above."), None),
        (turns("a"), "too_short"),
        (turns("x" * 101), "too_long"),
        (turns("x" * 100), None),
    ],
)
def test_the_reason_names_the_fault(record: list[dict[str, str]], reason: str | None) -> None:
    found = cleaning.fault(record, RULES)
    assert (found.reason if found else None) == reason


def test_a_fault_says_the_value_and_the_bound() -> None:
    assert cleaning.fault(turns("x" * 101), RULES) == cleaning.Fault("too_long", "101", "at most 100 characters")


@given(texts, texts)
def test_duplicate_keys_ignore_the_amount_of_white_space_only(one: str, other: str) -> None:
    same = " ".join(one.split()) == " ".join(other.split())
    keys = [cleaning.duplicate_key(turns(cleaning.normalise(text)), None) for text in (one, other)]
    if unicodedata.normalize("NFC", one) == one and unicodedata.normalize("NFC", other) == other:
        assert (keys[0] == keys[1]) == same


def test_the_label_and_the_roles_are_part_of_a_record() -> None:
    user, assistant = turns("text"), [{"role": "assistant", "content": "text"}]
    keys = {cleaning.duplicate_key(user, "a"), cleaning.duplicate_key(user, "b"), cleaning.duplicate_key(user, None)}
    assert len(keys | {cleaning.duplicate_key(assistant, "a")}) == 4

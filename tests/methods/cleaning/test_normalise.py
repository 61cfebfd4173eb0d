"""Normalisation changes what it says and no more, as Python's own tools would, and ranges move with the text."""

import html
import json
import re
import unicodedata

import pytest
from batches import alpaca, batch, texts
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.methods.cleaning import extras
from assets.methods.cleaning.normalise import SAFE, ZERO_WIDTH, Normalise
from assets.methods.conversations import Conversations

some = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
odd = st.text(st.sampled_from("ab \t\n\r\x85\xa0\u3000\u200b\ufeff\u00ade\u0301\u0323Å\u1161ᄀﬁ①&amp;#"), max_size=30)


def reference(text: str, form: str = "NFC") -> str:
    for character in ZERO_WIDTH:
        text = text.replace(character, "")
    return unicodedata.normalize(form, text).replace("\r\n", "\n").replace("\r", "\n").strip()


def fields(records: Conversations) -> list[dict[str, list[int]] | None]:
    rows, values = extras.lookup(records.extras, "fields")
    known = dict(zip(rows.tolist(), values.to_pylist(), strict=True))
    return [json.loads(known[row]) if row in known else None for row in range(len(records))]


@settings(deadline=None)
@given(st.lists(some | odd, min_size=1, max_size=6))
@example(["e\u200b\u0301", "\ufeffa", "ᄀ\u1161", "a\r\n\rb", "\u0344", ""])
def test_it_is_what_python_makes_of_each_text(contents: list[str]) -> None:
    records = batch(*([("u", text)] for text in contents))
    assert texts(Normalise().transform(records)) == [reference(text) for text in contents]
    nfkc = Normalise(form="NFKC").transform(records)
    assert texts(nfkc) == [reference(text, "NFKC") for text in contents]


@settings(deadline=None)
@given(some | odd)
def test_twice_changes_nothing_more(text: str) -> None:
    for step in (Normalise(), Normalise(form="NFKC", whitespace="collapse"), Normalise(whitespace="lines")):
        once = step.transform(batch([("u", text)]))
        assert texts(step.transform(once)) == texts(once)


def test_characters_that_are_passed_over_are_in_nfc_whatever_stands_around_them() -> None:
    safe = {code for low, high in SAFE for code in range(low, high + 1)}
    for code in range(0x110000):
        character = chr(code)
        parts = unicodedata.decomposition(character)
        if code in safe:
            assert not unicodedata.combining(character)
            assert unicodedata.is_normalized("NFC", character)
        if parts and not parts.startswith("<"):
            # What composes with the character before it must not be passed over.
            assert all(int(part, 16) not in safe for part in parts.split()[1:])


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        (Normalise(), " \ta  b \n\n\n c\n", "a  b \n\n\n c"),
        (Normalise(), "def f():\n    return 1\n\n\n\tx = 2", "def f():\n    return 1\n\n\n\tx = 2"),
        (Normalise(whitespace="lines"), "a  b \t\n\n\n c\n", "a  b\n\n\n c"),
        (Normalise(whitespace="collapse"), "a  b \t\n\n\n\n c\u3000\xa0d\n", "a b\n\n c d"),
        (Normalise(whitespace="none"), " a\r\n ", " a\r\n "),
        (Normalise(form="none"), "e\u0301", "e\u0301"),
        (Normalise(zero_width=False), "a\u200bb\ufeff", "a\u200bb\ufeff"),
        (Normalise(), "می\u200cخواهم 👨\u200d👩", "می\u200cخواهم 👨\u200d👩"),
        (Normalise(html_entities=True), "a &lt;b&gt; &amp; &eacute; R&D", "a <b> & é R&D"),
        (Normalise(), "a &lt;b&gt;", "a &lt;b&gt;"),
        (Normalise(form="NFKC"), "①ﬁ", "1fi"),
    ],
)
def test_each_option_does_what_it_says(step: Normalise, text: str, expected: str) -> None:
    assert texts(step.transform(batch([("u", text)]))) == [expected]


def test_token_labels_keep_their_spacing() -> None:
    records = batch([("u", " e\u0301 \r\n x "), ("a", " O\n")], format="token-labels")
    assert texts(Normalise(whitespace="collapse").transform(records)) == [" é \r\n x ", " O\n"]


def test_nothing_to_do_returns_the_batch_itself() -> None:
    records = alpaca(("Say it", "twice", "it it"), ("für", "漢字", "x"))
    assert Normalise().transform(records) is records


def test_ranges_name_the_same_parts_as_before() -> None:
    records = alpaca(
        (" Cafe\u0301? ", "\u200ba\r\nb ", "x"), ("same", "parts", "x\u200b"), ("one", " ", "x"), ("alone", "", " x")
    )
    clean = Normalise().transform(records)
    found = fields(clean)
    first = texts(clean)[0]
    assert first == "Café? \na\nb"
    assert found[0] is not None
    assert {name: first[start:end] for name, (start, end) in found[0].items()} == {
        "instruction": "Café? ",
        "input": "a\nb",
    }
    assert found[1:] == [{"instruction": [0, 4], "input": [5, 10]}, None, None]


@settings(deadline=None)
@given(st.lists(st.tuples(odd | some, odd | some), min_size=1, max_size=4))
def test_parts_change_as_they_would_alone(pairs: list[tuple[str, str]]) -> None:
    records = alpaca(*((instruction, added, "x") for instruction, added in pairs))
    clean = Normalise().transform(records)
    for (instruction, added), turn, named in zip(pairs, texts(clean)[::2], fields(clean), strict=True):
        if named is None:
            assert not (reference(instruction) and reference(added))
        else:
            parts = [turn[start:end].strip() for start, end in named.values()]
            assert parts == [reference(instruction), reference(added)]


@settings(deadline=None)
@given(some)
def test_entities_are_those_of_python(text: str) -> None:
    records = batch([("u", f"{text}&quot;&#65;&nosuch;")])
    expected = html.unescape(f"{text}&quot;&#65;&nosuch;")
    assert texts(Normalise("none", "none", False, True).transform(records)) == [expected]


def test_the_key_names_all_options() -> None:
    keys = {
        step.transform_key
        for step in (
            Normalise(), Normalise(form="NFKC"), Normalise(whitespace="none"), Normalise(zero_width=False),
            Normalise(html_entities=True),
        )
    }  # fmt: skip
    assert len(keys) == 5
    assert all(re.fullmatch(r"\S+", key) for key in keys)

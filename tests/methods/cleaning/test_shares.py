"""Shares of scripts, symbols and digits are those that `unicodedata` gives, character by character."""

import unicodedata

import pyarrow as pa
import pytest
from batches import answers, batch, faults, reasons
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.cleaning import characters
from assets.methods.cleaning.shares import Digits, ScriptShare, Symbols, UrlOnly

some = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(deadline=None)
@given(st.lists(some, max_size=5))
def test_every_character_is_counted_once_and_by_its_category(texts: list[str]) -> None:
    counts = characters.count(pa.array(texts, pa.string()))
    assert counts.sum(axis=1).tolist() == [len(text) for text in texts]
    for row, text in zip(counts, texts, strict=True):
        assert row[characters.LETTER :].sum() == sum(unicodedata.category(c)[0] == "L" for c in text)
        assert row[characters.DIGIT] == sum(unicodedata.category(c)[0] == "N" for c in text)
        assert row[characters.SYMBOL] == sum(unicodedata.category(c)[0] in "PS" for c in text)
        assert row[characters.SPACE] == sum(c.isspace() or unicodedata.category(c)[0] == "Z" for c in text)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Straße", "Latin"), ("ＡＢ", "Latin"), ("Москва", "Cyrillic"), ("Αθήνα", "Greek"), ("漢字", "Han"),
        ("ひらがな", "Hiragana"), ("カタカナ", "Katakana"), ("ｶﾅ", "Katakana"), ("한국어", "Hangul"),
        ("العربية", "Arabic"), ("עברית", "Hebrew"), ("हिन्दी", "Devanagari"), ("ไทย", "Thai"), ("ქართული", "Georgian"),
    ],
)  # fmt: skip
def test_letters_belong_to_their_script(text: str, script: str) -> None:
    for name in characters.SCRIPTS:
        step = ScriptShare(script=name, min=0.5)  # type: ignore[arg-type]
        assert reasons(step, batch([("u", f"{text} 12!")])) == [None if name == script else "too_little_script"]


def test_shares_have_bounds_on_both_sides_and_no_value_without_letters() -> None:
    records = answers("abc 漢", "漢漢漢a", "12 + 3", None)
    step = ScriptShare(script="Han", min=0.3, max=0.7, of="answer")
    assert step.measure(records)["han_share_answer"].to_pylist() == [0.25, 0.75, None, None]
    assert reasons(step, records) == ["too_little_script", "too_much_script", None, None]
    assert faults(step, records).details[0].startswith("25.0% of the letters of the answer are Han")
    with pytest.raises(ValueError, match="expected min, max or both"):
        ScriptShare(script="Han")
    with pytest.raises(ValueError, match="expected min"):
        ScriptShare(script="Han", min=0.5, max=0.1)


def test_symbols_and_digits_are_shares_of_what_can_be_seen() -> None:
    records = answers("ab !?", "12 34 a", " ", None)
    assert Symbols(of="answer").measure(records)["symbol_share_answer"].to_pylist() == [0.5, 0.0, None, None]
    assert Digits(of="answer").measure(records)["digit_share_answer"].to_pylist() == [0.0, 0.8, None, None]
    assert reasons(Symbols(0.4, "answer"), records) == ["too_many_symbols", None, None, None]
    assert reasons(Digits(0.79, "answer"), records) == [None, "too_many_digits", None, None]
    assert Digits(0.1).statistics() == Digits(0.9).statistics() != Digits(of="answer").statistics()


@pytest.mark.parametrize(
    ("answer", "is_fault"),
    [
        ("https://example.com/a?b=1", True), ("- http://a.b\n- www.c.de/x", True), ("See https://example.com", False),
        ("No link", False), ("", False), ("...", False), (None, False),
    ],
)  # fmt: skip
def test_a_text_of_nothing_but_urls(answer: str | None, is_fault: bool) -> None:
    assert reasons(UrlOnly(), answers(answer)) == ["url_only" if is_fault else None]

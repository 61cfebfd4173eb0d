"""Words are words in every script, whatever their case, and equal words have equal hashes everywhere."""

import gzip
import json
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from conftest import shared_data
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.methods.tokens import UNSPACED_BIT, Tokens

SAMPLES = (
    "The Straße to İstanbul, ΜΆΪΟΣ — don’t 3½ ٣٤ e\u0301 ﬁn ῼ 𐐀",
    "数据2020年Python写代码。々〆〇",
    "ひらがなとカタカナー ﾊﾝｶｸ",
    "ภาษาไทย ພາສາລາວ ភាសាខ្មែរ မြန်မာ",
    "한국어 띄어쓰기 हिन्दी भाषा עברית العربية",
    "x_y a-b.c\tD\nE\u2028F\u3000G\u00a0H 🙂👩‍🚀 \U000e0100",
)


def reference(text: str) -> list[str]:
    """The definition, word by word."""
    found: list[str] = []
    word = ""
    for character in text.casefold() + " ":
        if is_unspaced(character) or unicodedata.category(character)[0] not in "LNM":
            found += [word] if word else []
            word = ""
            found += [character] if is_unspaced(character) else []
        else:
            word += character
    return found


def is_unspaced(character: str) -> bool:
    """By the character's name; a few have none or one that misleads."""
    scripts = (
        "BALINESE", "BOPOMOFO", "CJK", "COMBINING KATAKANA", "HALFWIDTH KATAKANA", "HANGZHOU", "HENTAIGANA",
        "HIRAGANA", "IDEOGRAPHIC", "JAVANESE", "KATAKANA", "KHITAN", "KHMER", "LAO", "MASU", "MYANMAR", "NEW TAI",
        "NUSHU", "OLD CHINESE", "TAI ", "TANGUT", "THAI", "VERTICAL IDEO", "VERTICAL KANA", "VIETNAMESE",
    )  # fmt: skip
    name = unicodedata.name(character, "TANGUT" if 0x17000 <= ord(character) < 0x18D09 else "")
    return unicodedata.category(character)[0] in "LNM" and name.startswith(scripts) and "TALLY" not in name


any_text = st.one_of(
    st.text(max_size=40),
    st.text(st.sampled_from("aAbB ßİΣςµ ǅ ŉ2½٣.,-_'\n的数あア゙ーﾊไทยខ្한다\u0301\u200d🙂𠀀𐐀"), max_size=40),
)


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.one_of(st.none(), any_text), max_size=8))
@example(list(SAMPLES))
def test_the_tokens_are_those_of_the_definition(texts: list[str | None]) -> None:
    found = Tokens.of(pa.array(texts, pa.string()))
    expected = [reference(text) if text else [] for text in texts]
    assert np.diff(found.offsets).tolist() == [len(words) for words in expected]
    # A word has the hash that it has alone, and different words have different ones.
    flat = [word for words in expected for word in words]
    hashes = dict(zip(flat, found.hashes.tolist(), strict=True))
    assert [hashes[word] for word in flat] == found.hashes.tolist()
    assert len(set(hashes.values())) == len(hashes)
    assert [hash_ >= UNSPACED_BIT for hash_ in found.hashes] == [is_unspaced(word[0]) for word in flat]


def test_every_character_of_unicode_is_classed_and_folded_as_python_does() -> None:
    characters = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
    found = Tokens.of(characters)
    again = Tokens.of([character.casefold() for character in characters])
    assert np.array_equal(found.offsets, again.offsets)
    assert np.array_equal(found.hashes, again.hashes)
    wordy = [unicodedata.category(character)[0] in "LNM" for character in characters]
    assert np.array_equal(np.diff(found.offsets) > 0, wordy)
    unspaced = [is_unspaced(character) for character in characters if unicodedata.category(character)[0] in "LNM"]
    different = [
        character
        for character, ours, theirs in zip(
            np.array(characters)[wordy], found.hashes >= UNSPACED_BIT, unspaced, strict=True
        )
        if bool(ours) != theirs
    ]
    assert different == []


def test_hashes_are_the_same_on_every_machine() -> None:
    assert Tokens.of(["Hello 数"]).hashes.tolist() == Tokens.of(["数", "HELLO"]).hashes.tolist()[::-1]
    assert [f"{hash_:x}" for hash_ in Tokens.of(["hello 数"]).hashes.tolist()] == [
        "acd1c5345e62941",
        "af564e85297a8dcd",
    ]


def test_slices_nulls_and_empty_arrays_are_read_where_they_lie() -> None:
    whole = pa.array(["skipped", "One two", None, "", "three", "skipped"], pa.string())
    found = Tokens.of(whole.slice(1, 4))
    assert found.offsets.tolist() == [0, 2, 2, 2, 3]
    assert found.hashes.tolist() == Tokens.of(["one", "two", "three"]).hashes.tolist()
    for nothing in (pa.array([], pa.string()), pa.array([None, None], pa.string()), []):
        assert Tokens.of(nothing).offsets.tolist() == [0] * (len(nothing) + 1)


def test_texts_can_be_joined_afterwards() -> None:
    apart = Tokens.of(["One two", "three", "", "four"])
    assert apart.joined(np.array([0, 2, 4])).offsets.tolist() == [0, 3, 4]


def test_real_words_do_not_share_hashes() -> None:
    words: set[str] = set()
    for name in ("sft/alpaca_data.json.gz", "sft/alpaca_zh_0-3252.json.gz"):
        with gzip.open(shared_data(name), "rt", encoding="utf-8") as file:
            for row in json.load(file):
                words.update(reference_words(row["instruction"] + "\n" + row["output"]))
    hashes = Tokens.of(sorted(words)).hashes
    assert len(words) > 35_000
    assert len(np.unique(hashes)) == len(words)
    # Each bit is set in half of the hashes, so any of them may pick a slot in a table.
    english = hashes[hashes < UNSPACED_BIT]
    shares = [float((english >> np.uint64(bit) & np.uint64(1)).mean()) for bit in range(63)]
    assert shares == pytest.approx([0.5] * 63, abs=0.02)


def reference_words(text: str) -> set[str]:
    """Words of ASCII text and single characters, quickly."""
    return {word for word in text.casefold().split() if word.isascii() and word.isalnum()} | {
        character for character in text if "\u4e00" <= character <= "\u9fff"
    }

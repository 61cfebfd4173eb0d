"""Words and phrases of the user's list are found whole, whatever their case."""

import numpy as np
import pytest
from batches import answers, batch, faults, reasons
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.cleaning.words import Words, read_words

letters = st.sampled_from(["a", "b", "c", "A", "é", "漢", "字"])
sentences = st.lists(letters, max_size=8).map(" ".join)
entries = st.lists(st.lists(letters, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=5)


@settings(deadline=None)
@given(entries, st.lists(sentences, min_size=1, max_size=4))
def test_hits_are_those_of_a_plain_search(listed: list[str], texts: list[str]) -> None:
    step = Words(tuple(listed))
    hits, first = step.measure(batch(*([("u", text)] for text in texts))).values()
    for text, count, met in zip(texts, hits.to_pylist(), first.to_pylist(), strict=True):
        tokens = text.lower().split()
        runs = [entry.lower().split() for entry in listed]
        places = [i for run in runs for i in range(len(tokens)) if tokens[i : i + len(run)] == run]
        assert count == len(places)
        assert (met is None) == (not places)
        if places:
            run = met.lower().split()
            assert tokens[min(places) : min(places) + len(run)] == run


def test_whole_words_phrases_and_characters() -> None:
    step = Words(("ass", "kill yourself", "坏蛋"))
    records = answers("A class act.", "You ASS!", "Kill -- yourself", "kill me", "你是坏蛋吗", "好蛋", None)
    found = "toxic_words"
    assert reasons(step, records) == [None, found, found, None, found, None, None]
    assert faults(step, records).details[0] == "1 word of the list, the first of them: ass"
    assert faults(step, answers("ass ass kill yourself")).values == ["3"]
    assert reasons(Words(("ass",), max=1), answers("ass", "ass ass")) == [None, found]


def test_all_turns_are_searched() -> None:
    assert reasons(Words(("bad",)), batch([("s", "x"), ("u", "bad"), ("a", "y")], [("u", "a"), ("a", "b")])) == [
        "toxic_words",
        None,
    ]


def test_a_list_is_one_entry_a_line() -> None:
    assert read_words(["# mine", " bad ", "", "so bad\n", "bad"]) == ("bad", "so bad")
    assert read_words(["#", " # ", "#\tx", "#metoo", "# #metoo", "a # b"]) == ("#metoo", "a # b")


def test_entries_that_hold_no_word_are_refused() -> None:
    with pytest.raises(ValueError, match="not '!!', which holds no letter or digit"):
        Words(("fine", "!!"))
    with pytest.raises(ValueError, match=r"not 'a\\x07b', which holds a control character"):
        Words(("fine", "a\x07b"))
    with pytest.raises(ValueError, match="at least one word"):
        Words(())


def test_a_long_list_finds_what_a_short_one_does() -> None:
    many = Words(tuple(f"w{i}" for i in range(5000)))
    hits, first = many.measure(answers("w4999 x w0 w5000")).values()
    assert hits.to_pylist() == [2]
    assert first.to_pylist() == ["w4999"]
    assert isinstance(np.asarray(hits), np.ndarray)

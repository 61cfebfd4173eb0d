"""Jaccard similarity to a target set against plain Python sets of words, of runs of words and of characters."""

import gzip
import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.similarity.characters import character_shingles
from assets.methods.similarity.jaccard import character_jaccard, word_jaccard
from assets.methods.similarity.nearest import STRIP_ROWS, Nearest

few_words = st.lists(st.sampled_from(["one", "Two", "three", "ONE", "ß", "SS"]), max_size=7).map(", ".join)
any_text = st.one_of(few_words, st.text(st.sampled_from("aAbß \n\t　数据é🙂"), max_size=12))


def word_runs(text: str, words: int) -> set[tuple[str, ...]]:
    """For texts of `few_words` only."""
    found = text.casefold().replace(",", "").split()
    return {tuple(found[start : start + words]) for start in range(max(1, len(found) - words + 1))} if found else set()


def character_runs(text: str, characters: int) -> set[str]:
    folded = " ".join(text.casefold().split())
    return {folded[i : i + characters] for i in range(max(1, len(folded) - characters + 1))} if folded else set()


def check(found: Nearest, sets: list[set[str]], items: list[set[str]]) -> None:
    for row, own in enumerate(sets):
        alike = [len(own & item) / len(own | item) if own and item else 0.0 for item in items]
        assert found.best[row] == max(alike)
        assert found.item[row] == alike.index(max(alike))  # the lowest of equals
        assert found.mean[row] == pytest.approx(sum(alike) / len(items), abs=1e-12)


@settings(deadline=None)  # the first example compiles
@given(st.lists(few_words, max_size=8), st.lists(few_words, min_size=1, max_size=6), st.integers(1, 4))
def test_words_are_those_of_plain_sets(texts: list[str], targets: list[str], words: int) -> None:
    found = word_jaccard(texts, targets, words)
    check(found, [word_runs(text, words) for text in texts], [word_runs(text, words) for text in targets])


@settings(deadline=None)
@given(st.lists(any_text, max_size=8), st.lists(any_text, min_size=1, max_size=6), st.integers(1, 6))
def test_characters_are_those_of_plain_sets(texts: list[str], targets: list[str], size: int) -> None:
    found = character_jaccard(texts, targets, size)
    check(found, [character_runs(text, size) for text in texts], [character_runs(text, size) for text in targets])


@given(st.lists(any_text, max_size=8), st.integers(1, 6))
def test_character_shingles_are_distinct_and_as_many_as_there_are(texts: list[str], size: int) -> None:
    found = character_shingles(pa.array(texts, pa.string()), size)
    assert np.diff(found.offsets).tolist() == [len(character_runs(text, size)) for text in texts]


@pytest.mark.parametrize("measure", [word_jaccard, character_jaccard])
def test_a_text_without_anything_is_like_nothing(measure: Callable[..., Nearest]) -> None:
    found = measure(pa.array(["", None, " \n", "one two"]), ["", "one two", None])
    assert found.best.tolist() == [0, 0, 0, 1]
    assert found.item.tolist() == [0, 0, 0, 1]
    assert found.mean.tolist() == [0, 0, 0, 1 / 3]
    assert measure(pa.array(["", "one two"], pa.large_string()), ["one two"]).best.tolist() == [0, 1]
    assert len(measure([], ["one"])) == 0


def test_chinese_counts_characters() -> None:
    found = word_jaccard(["数据处理", "天气"], ["天气预报", "数据分析"], characters=1)
    assert found.item.tolist() == [1, 0]
    assert found.best.tolist() == [2 / 6, 2 / 4]
    pairs = word_jaccard(["数据处理"], ["数据分析"], characters=2)
    assert pairs.best.tolist() == [1 / 5]  # 数据 of 数据 据处 处理 and 数据 据分 分析


@pytest.mark.parametrize("measure", [word_jaccard, character_jaccard])
def test_no_items_and_runs_of_nothing_are_refused(measure: Callable[..., Nearest]) -> None:
    with pytest.raises(DataError, match="the target set has no items: expected at least one"):
        measure(["one"], [])
    with pytest.raises(DataError, match="expected at least 1"):
        measure(["one"], ["one"], characters=0)


@pytest.mark.parametrize("measure", [word_jaccard, character_jaccard])
def test_the_same_on_any_number_of_threads_and_in_slices(measure: Callable[..., Nearest]) -> None:
    draw = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(40)])
    texts = pa.array([" ".join(draw.choice(words, 6)) for _ in range(2 * STRIP_ROWS + 9)])
    targets = texts[3:90]
    done: list[int] = []
    found = measure(texts, targets, threads=1, advance=done.append)
    again = measure(pa.chunked_array([texts[:1000], texts[1000:]]), targets, threads=3)
    part = measure(texts[1000:1400], targets)
    for name in ("best", "mean", "item"):
        assert np.array_equal(getattr(found, name), getattr(again, name))
        assert np.array_equal(getattr(found, name)[1000:1400], getattr(part, name))
    assert sum(done) == len(texts)


def test_questions_of_a_test_set_are_found_again_in_real_rows() -> None:
    with gzip.open(shared_data("sft/alpaca_data.json.gz"), "rt", encoding="utf-8") as file:
        texts = [row["instruction"] for row in json.load(file)]
    asked = list(range(5, 52_000, 650))
    targets = [texts[row].upper().replace(" ", "  ") for row in asked]
    for found in (word_jaccard(texts, targets), character_jaccard(texts, targets)):
        assert found.best[asked].tolist() == [1.0] * len(asked)
        assert (found.best[asked] >= found.mean[asked]).all()
        assert found.best.mean() < 0.3

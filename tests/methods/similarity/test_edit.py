"""Edit similarity to a target set against the textbook's table, and what becomes of texts that are too long."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.similarity import edit
from assets.methods.similarity.edit import edit_similarity

any_text = st.text(st.sampled_from("ab A数据🙂"), max_size=9)


def levenshtein(one: str, two: str) -> int:
    """The fewest insertions, deletions and substitutions."""
    line = list(range(len(two) + 1))
    for i, left in enumerate(one, 1):
        above, line = line, [i]
        for j, right in enumerate(two, 1):
            line.append(min(above[j] + 1, line[j - 1] + 1, above[j - 1] + (left != right)))
    return line[-1]


def similarity(one: str, two: str) -> float:
    return 1 - levenshtein(one, two) / max(len(one), len(two)) if one or two else 0.0


@settings(deadline=None)
@given(st.lists(any_text, max_size=7), st.lists(any_text, min_size=1, max_size=5))
def test_it_is_that_of_the_textbook(texts: list[str], targets: list[str]) -> None:
    found = edit_similarity(texts, targets)
    assert not len(found.too_long)
    for row, text in enumerate(texts):
        alike = [similarity(text, item) for item in targets]
        assert found.nearest.best[row] == pytest.approx(max(alike), abs=1e-12)
        assert found.nearest.mean[row] == pytest.approx(sum(alike) / len(alike), abs=1e-12)
        nearest = found.nearest.item[row]
        assert alike[nearest] == pytest.approx(max(alike), abs=1e-12)
        assert all(lower < alike[nearest] - 1e-12 for lower in alike[:nearest])


def test_a_text_without_characters_is_like_nothing() -> None:
    found = edit_similarity(pa.array(["", None, "ab"]), pa.array([None, "", "abcd"])).nearest
    assert found.best.tolist() == [0, 0, 0.5]
    assert found.item.tolist() == [0, 0, 2]


def test_a_text_that_is_too_long_is_not_cut_but_left_out_by_number() -> None:
    found = edit_similarity(["abcd", "abcde", "x", "abcdef"], ["abcd"], max_chars=4)
    assert found.too_long.tolist() == [1, 3]
    assert found.nearest.best.tolist()[::2] == [1, 0]
    assert np.isnan(found.nearest.best[[1, 3]]).all()
    assert np.isnan(found.nearest.mean[[1, 3]]).all()
    assert found.nearest.item.tolist() == [0, -1, 0, -1]
    # Up to the limit texts are compared whole: what differs behind the first characters is seen.
    long = "a" * 3000
    assert edit_similarity([long + "b" * 3000], [long]).nearest.best.tolist() == [0.5]


def test_strips_threads_and_progress_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    texts = ["".join(draw.choice(list("abc"), draw.integers(0, 9))) for _ in range(50)]
    found = edit_similarity(texts, texts[:7], max_chars=7, threads=1)
    monkeypatch.setattr(edit, "_STRIP_NUMBERS", 30)
    done: list[int] = []
    again = edit_similarity(texts, texts[:7], max_chars=7, threads=3, advance=done.append)
    for name in ("best", "mean", "item"):
        np.testing.assert_array_equal(getattr(found.nearest, name), getattr(again.nearest, name))
    assert np.array_equal(found.too_long, again.too_long)
    assert sum(done) == 50
    assert len(done) > 1


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(DataError, match="the target set has no items: expected at least one"):
        edit_similarity(["a"], [])
    with pytest.raises(DataError, match="target 1 has 5 characters: expected at most 4"):
        edit_similarity(["a"], ["abcd", "abcde"], max_chars=4)
    assert len(edit_similarity([], ["a"]).nearest) == 0

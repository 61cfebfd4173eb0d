"""Entropies of sentences are those of plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assets.methods.tagging.aggregating import aggregate


@given(st.lists(st.lists(st.floats(0, 4), max_size=6), min_size=1, max_size=8), st.integers(1, 4))
def test_mean_highest_and_the_sum_of_the_top(sentences: list[list[float]], top: int) -> None:
    flat = np.array([value for each in sentences for value in each], dtype=np.float64)
    found = aggregate(flat, np.array([len(each) for each in sentences]), top)
    for row, each in enumerate(sentences):
        if not each:
            assert np.isnan([found.mean[row], found.highest[row], found.top[row]]).all()
            continue
        np.testing.assert_allclose(found.mean[row], sum(each) / len(each), atol=1e-12)
        assert found.highest[row] == max(each)
        np.testing.assert_allclose(found.top[row], sum(sorted(each)[-top:]), atol=1e-12)


def test_no_sentences() -> None:
    found = aggregate(np.zeros(0), np.zeros(0, np.int64), 3)
    assert len(found.mean) == len(found.highest) == len(found.top) == 0

"""Contrast: what a row shares with a target and not with the pool, by a plain computation and on planted groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods.similarity.contrast import contrast


def points(rows: int, dimensions: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 10), st.integers(2, 8), st.integers(0, 99))
def test_it_is_the_plain_mean_of_cosines(rows: int, items: int, dimensions: int, seed: int) -> None:
    pool, target = points(rows, dimensions, seed), points(items, dimensions, seed + 1)
    mean = pool.astype(np.float64).mean(0)
    found = contrast(pool, target)
    for row in range(rows):
        cosines = []
        for item in range(items):
            one, two = pool[row] - mean, target[item] - mean
            lengths = np.linalg.norm(one) * np.linalg.norm(two)
            cosines.append(one @ two / lengths if lengths > 1e-6 else 0.0)
        assert found[row] == pytest.approx(np.mean(cosines), abs=1e-6)


def test_it_finds_the_group_that_a_direction_common_to_all_hides() -> None:
    random = np.random.default_rng(0)
    common = np.zeros(16)
    common[0] = 5.0  # what all rows share, the target too
    rows = random.standard_normal((1000, 16)) + common
    rows[:100, 3] += 3.0
    target = random.standard_normal((50, 16)) + common
    target[:, 3] += 3.0
    vectors, items = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (rows, target))
    vectors, items = vectors.astype(np.float32), items.astype(np.float32)
    first = np.argsort(-contrast(vectors, items))[:50]
    by_cosine = np.argsort(-(vectors @ items.T).max(axis=1))[:50]
    assert np.mean(first < 100) > np.mean(by_cosine < 100)
    assert np.mean(first < 100) > 0.8


def test_rows_at_the_mean_have_no_direction() -> None:
    same = np.repeat(points(1, 5, 0), 7, axis=0)
    assert not contrast(same, points(3, 5, 1)).any()
    assert not contrast(np.empty((0, 5), np.float32), points(3, 5, 1)).any()


def test_copies_are_equally_alike() -> None:
    pool = np.repeat(points(4, 6, 2), 3, axis=0)
    found = contrast(pool, points(2, 6, 3)).reshape(4, 3)
    assert (found == found[:, :1]).all()


def test_threads_do_not_matter() -> None:
    pool, target = points(20_000, 32, 0), points(40, 32, 1)
    runs = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            runs.append(contrast(pool, target).tobytes())
    assert runs[0] == runs[1]


def test_no_items_and_other_dimensions_are_refused() -> None:
    with pytest.raises(DataError, match="no items"):
        contrast(points(3, 4, 0), np.empty((0, 4), np.float32))
    with pytest.raises(DataError, match="dimensions"):
        contrast(points(3, 4, 0), points(3, 5, 0))

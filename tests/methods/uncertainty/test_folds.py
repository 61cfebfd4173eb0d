"""Folds are stratified, leave no class unknown, and belong to the rows, not to their order; resamples lose no class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.uncertainty import folds


def points(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, 4)).astype(np.float32)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 5), st.integers(2, 6), st.integers(0, 99))
def test_every_fold_leaves_every_class_known(sizes: list[int], unlabelled: int, count: int, seed: int) -> None:
    classes = np.repeat([*range(len(sizes)), -1], [*sizes, unlabelled])
    classes = np.random.default_rng(seed).permutation(classes)
    dealt = folds.deal(points(len(classes)), classes, count, seed)
    assert sorted(dealt.order) == list(range(len(classes)))
    assert dealt.sizes.tolist() == sizes
    alone = np.isin(classes, [c for c, size in enumerate(sizes) if size == 1])
    assert ((dealt.fold == -1) == (alone | (classes == -1))).all()
    held = np.concatenate([dealt.held_out(number) for number in range(count)])
    assert len(np.unique(held)) == len(held) == sum(size for size in sizes if size > 1)
    for number in range(count):
        training, scored = dealt.training(number), dealt.held_out(number)
        assert set(classes[training]) == set(range(len(sizes)))
        assert (np.diff(classes[training]) >= 0).all()
        assert not set(training) & set(scored)
        for c, size in enumerate(sizes):
            assert (classes[scored] == c).sum() <= -(-size // count)
    assert set(dealt.held_out(count)) == set(np.flatnonzero(classes == -1))
    assert set(dealt.training(count)) == set(np.flatnonzero(classes >= 0))


def test_rows_in_another_order_are_dealt_alike() -> None:
    vectors, classes = points(200), np.random.default_rng(0).integers(-1, 5, 200)
    dealt = folds.deal(vectors, classes, 5, 3)
    shuffle = np.random.default_rng(1).permutation(200)
    again = folds.deal(vectors[shuffle], classes[shuffle], 5, 3)
    assert again.fold.tolist() == dealt.fold[shuffle].tolist()
    assert shuffle[again.order].tolist() == dealt.order.tolist()
    assert folds.deal(vectors, classes, 5, 4).fold.tolist() != dealt.fold.tolist()


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.integers(0, 99))
def test_a_resample_keeps_the_size_of_every_class(sizes: list[int], seed: int) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    counts = folds.resample(classes, [seed, 1])
    assert np.bincount(classes, weights=counts).tolist() == sizes
    assert counts.tolist() == folds.resample(classes, [seed, 1]).tolist()


def test_a_resample_leaves_out_about_a_third() -> None:
    counts = folds.resample(np.zeros(20_000, np.int64), [0])
    assert (counts == 0).mean() == pytest.approx(np.exp(-1), abs=0.01)


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match="folds: expected at least 2, not 1"):
        folds.deal(points(4), np.zeros(4, np.int64), 1, 0)
    with pytest.raises(DataError, match="regularization: expected a number above 0, not nan"):
        folds.check(points(4), float("nan"))

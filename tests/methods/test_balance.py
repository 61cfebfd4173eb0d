"""The arithmetic of balance against scipy, properties and known numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from assets.errors import DataError
from assets.methods.balance import (
    band_names,
    kl_bound,
    kl_divergence,
    length_band,
    length_edges,
    shares,
)


@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=8).filter(any),
    st.lists(st.integers(1, 500), min_size=8, max_size=8),
)
def test_the_divergence_is_that_of_scipy(observed: list[int], reference: list[int]) -> None:
    names = [str(i) for i in range(len(observed))]
    ours = kl_divergence(dict(zip(names, observed, strict=True)), dict(zip(names, reference, strict=False)))
    assert ours == pytest.approx(entropy(observed, reference[: len(observed)]), abs=1e-12)
    assert ours >= 0


def test_a_class_without_a_reference_is_infinitely_far() -> None:
    assert kl_divergence({"a": 9, "b": 1}, {"a": 1.0}) == math.inf
    assert kl_divergence({"a": 9, "b": 0}, {"a": 1.0}) == 0.0
    with pytest.raises(DataError, match="no rows"):
        kl_divergence({"a": 0}, {"a": 1.0})


def test_a_fair_draw_exceeds_the_bound_as_often_as_the_significance_says() -> None:
    draws = np.random.default_rng(0).multinomial(500, [0.4, 0.3, 0.2, 0.1], size=4000)
    names, reference = "abcd", {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}
    bound = kl_bound(500, 4, 0.05)
    exceeded = np.mean(
        [kl_divergence(dict(zip(names, draw.tolist(), strict=True)), reference) > bound for draw in draws]
    )
    assert exceeded == pytest.approx(0.05, abs=0.015)


def test_the_bound_of_one_class_is_nothing_and_falls_with_the_rows() -> None:
    assert kl_bound(100, 1, 0.01) == 0
    assert kl_bound(100, 6, 0.01) == pytest.approx(10 * kl_bound(1000, 6, 0.01))
    assert kl_bound(500, 6, 0.01) == pytest.approx(15.0863 / 1000, abs=1e-6)


def test_shares_sum_to_one_or_are_all_nothing() -> None:
    assert shares({"a": 1, "b": 3}) == {"a": 0.25, "b": 0.75}
    assert shares({"a": 0}) == {"a": 0.0}


@given(st.lists(st.integers(0, 40_000), min_size=1, max_size=200), st.integers(2, 20))
def test_bands_hold_every_length_and_never_part_a_tie(values: list[int], bands: int) -> None:
    lengths = np.array(values)
    edges = length_edges(lengths, bands)
    names = length_band(lengths, edges)
    assert np.all(np.diff(edges) > 0)
    assert len(edges) - 1 <= bands
    assert set(names) == set(band_names(edges))  # none is empty, none is outside
    assert band_names(edges) == sorted(band_names(edges))
    by_length = sorted(zip(values, names, strict=True))
    assert [name for _, name in by_length] == sorted(names)


def test_bands_are_quarters_with_readable_names() -> None:
    lengths = np.arange(1, 4001)
    edges = length_edges(lengths, 4)
    names = [name.replace("\N{EN DASH}", " to ") for name in band_names(edges)]
    assert names == ["1: 1 to 1,000", "2: 1,001 to 2,000", "3: 2,001 to 3,000", "4: 3,001 to 4,000"]
    first, second, *_ = band_names(edges)
    at_the_ends = length_band(np.array([0, 1, 1000, 1001, 4001]), edges)
    assert at_the_ends == ["under 1", first, first, second, "over 4,000"]


def test_one_length_makes_one_band() -> None:
    assert band_names(length_edges(np.full(9, 7), 4)) == ["1: 7"]
    with pytest.raises(DataError, match="no rows"):
        length_edges(np.array([], dtype=int), 4)

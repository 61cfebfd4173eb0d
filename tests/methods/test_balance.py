"""The arithmetic of balance against brute force, properties and known numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from assets.errors import DataError
from assets.methods.balance import (
    apportion,
    band_names,
    kl_bound,
    kl_divergence,
    length_band,
    length_edges,
    shares,
)

TREC = {"ABBR": 86, "DESC": 1162, "ENTY": 1250, "HUM": 1223, "LOC": 835, "NUM": 896}

pools = st.dictionaries(st.text(max_size=4), st.integers(0, 300), max_size=12)
budgets = st.integers(0, 3000)


def one_at_a_time(counts: dict[str, int], budget: int) -> dict[str, int]:
    """Equal seats by brute force: each seat goes to the class with room that has the fewest, ties by name."""
    seats = dict.fromkeys(sorted(counts), 0)
    for _ in range(min(budget, sum(counts.values()))):
        seats[min((name for name in seats if seats[name] < counts[name]), key=lambda name: (seats[name], name))] += 1
    return seats


@given(pools, budgets)
def test_equal_is_what_handing_out_one_row_at_a_time_gives(counts: dict[str, int], budget: int) -> None:
    assert apportion(counts, "equal", budget).seats == one_at_a_time(counts, budget)


@given(pools, budgets)
def test_natural_stays_within_one_row_of_the_exact_share_unless_a_class_had_to_be_lifted(
    counts: dict[str, int], budget: int
) -> None:
    result = apportion(counts, "natural", budget)
    total = sum(counts.values())
    assert sum(result.seats.values()) == min(budget, total)
    assert all(0 <= result.seats[name] <= counts[name] for name in counts)
    present = [name for name, count in counts.items() if count]
    if budget >= len(present):
        assert all(result.seats[name] >= 1 for name in present)
    if not result.notes:
        assert all(abs(result.seats[name] - budget * counts[name] / total) < 1 for name in present)


@given(pools, st.lists(st.integers(0, 50), min_size=12, max_size=12), budgets)
def test_shares_are_met_or_the_difference_is_told(counts: dict[str, int], parts: list[int], budget: int) -> None:
    rule = {name: part / 50 for name, part in zip(counts, parts, strict=False)}
    result = apportion(counts, rule, budget)
    available = sum(counts[name] for name, share in rule.items() if share)
    assert sum(result.seats.values()) == min(budget, available)
    assert all(result.seats[name] <= counts[name] for name in counts)
    assert not any(result.seats[name] for name, share in rule.items() if not share)
    asked = sum(rule.values())
    for name, share in rule.items():
        if not result.notes and budget:
            assert abs(result.seats[name] - budget * share / asked) < 1


@given(pools, budgets)
def test_the_order_of_the_classes_does_not_matter(counts: dict[str, int], budget: int) -> None:
    backwards = dict(reversed(list(counts.items())))
    assert apportion(counts, "natural", budget) == apportion(backwards, "natural", budget)
    assert apportion(counts, "equal", budget) == apportion(backwards, "equal", budget)


def test_what_a_class_cannot_fill_goes_to_the_others_and_is_told() -> None:
    result = apportion(TREC, "equal", 545)
    assert result.seats == {"ABBR": 86, "DESC": 92, "ENTY": 92, "HUM": 92, "LOC": 92, "NUM": 91}
    assert result.notes == ("class 'ABBR': 91 rows asked for, 86 exist; 5 given to other classes",)


def test_a_rare_class_keeps_a_row_in_a_natural_subset() -> None:
    result = apportion({"common": 9_990, "rare": 10}, "natural", 50)
    assert result.seats == {"common": 49, "rare": 1}
    assert result.notes == ("given 1 row each, though their part of 50 rows is less: 'rare'",)


def test_too_few_rows_for_the_classes_is_told() -> None:
    result = apportion(TREC, "natural", 3)
    assert sum(result.seats.values()) == 3
    assert result.notes == ("3 rows cannot cover 6 classes; none given to 'ABBR', 'LOC', 'NUM'",)


def test_overflow_goes_on_in_proportion_to_the_shares() -> None:
    result = apportion({"a": 10, "b": 500, "c": 500, "d": 500}, {"a": 0.4, "b": 0.4, "c": 0.2}, 100)
    assert result.seats == {"a": 10, "b": 60, "c": 30, "d": 0}


def test_a_budget_beyond_the_rows_takes_all_and_says_so() -> None:
    result = apportion({"a": 2, "b": 3}, {"a": 1.0}, 4)
    assert result.seats == {"a": 2, "b": 0}
    assert result.notes[0] == "4 rows asked for, 2 exist in the classes with a share"


def test_ties_go_by_name_and_shares_count_as_they_are_written() -> None:
    # As binary numbers 0.7 and 0.3 are a little too small, 0.7 by more: their halves of a row would not tie.
    assert apportion({"b": 9, "a": 9}, {"b": 0.3, "a": 0.7}, 5).seats == {"a": 4, "b": 1}


def test_a_share_of_an_unknown_class_names_it_and_the_closest() -> None:
    with pytest.raises(DataError, match="no class 'HUMM' in the pool; did you mean 'HUM'"):
        apportion(TREC, {"HUMM": 1.0}, 10)
    with pytest.raises(DataError, match="no class 'x' in the pool; its classes are 'ABBR', 'DESC'"):
        apportion(TREC, {"x": 1.0}, 10)


def test_an_unknown_class_cannot_write_to_the_terminal() -> None:
    with pytest.raises(DataError) as error:
        apportion(TREC, {"\x1b[31mred": 1.0}, 10)
    assert "\x1b" not in str(error.value)


def test_ten_thousand_classes_are_apportioned() -> None:
    counts = {f"class {i}": 1 + i % 97 for i in range(10_000)}
    assert sum(apportion(counts, "natural", 50_000).seats.values()) == 50_000


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

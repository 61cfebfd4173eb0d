"""Bounds of counts: against enumeration, and with the coverage they promise."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.methods.fairness.intervals import fair_excess, fair_shortfall, holm, ratio_interval, share_interval


@pytest.mark.parametrize(("rows", "pool", "drawn"), [(8, 3, 4), (9, 5, 2), (7, 1, 6), (6, 6, 3)])
def test_tails_are_those_of_all_possible_draws(rows: int, pool: int, drawn: int) -> None:
    """The group is rows 0 to pool - 1; every draw is as likely."""
    counts = [sum(row < pool for row in draw) for draw in combinations(range(rows), drawn)]
    for k in range(min(pool, drawn) + 1):
        few = sum(count <= k for count in counts) / len(counts)
        many = sum(count >= k for count in counts) / len(counts)
        assert float(fair_shortfall(k, pool, rows, drawn)) == pytest.approx(few)
        assert float(fair_excess(k, pool, rows, drawn)) == pytest.approx(many)


def test_holm_raises_the_least_p_most() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.5]), [0.04, 0.09, 0.09, 0.5])
    assert holm([]).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lowers_no_p_and_keeps_their_order(p: list[float]) -> None:
    raised = holm(p)
    assert (raised >= np.array(p)).all()
    assert raised.max() <= 1
    assert (np.diff(raised[np.argsort(p, kind="stable")]) >= 0).all()


def test_the_interval_of_a_ratio_holds_it_as_often_as_it_says() -> None:
    draw = np.random.default_rng(3)
    chosen, other = draw.binomial(400, 0.04, 4000), draw.binomial(1600, 0.05, 4000)
    low, high = ratio_interval(chosen, 400, other, 1600, 0.95)
    assert 0.935 < float(np.mean((low <= 0.8) & (high >= 0.8))) < 0.965


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((0, 40, 100, 1000), 0.0, 1.5),  # nothing chosen of few rows says little
        ((0, 4000, 100, 1000), 0.0, 0.01),  # and of many rows, much
        ((5, 50, 0, 100), 1.0, math.inf),
        ((0, 5, 0, 5), 0.0, math.inf),
        ((100, 100, 50, 100), 1.5, 2.7),  # every row chosen: its rate cannot be higher
    ],
)
def test_bounds_exist_at_the_edges(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    lower, upper = ratio_interval(*counts, 0.95)
    assert low <= float(lower) <= float(upper) <= high


def test_the_interval_does_not_depend_on_which_rate_is_divided_by_which() -> None:
    low, high = ratio_interval(12, 100, 40, 200, 0.99)
    back_low, back_high = ratio_interval(40, 200, 12, 100, 0.99)
    assert (float(low), float(high)) == pytest.approx((1 / float(back_high), 1 / float(back_low)))


def test_a_share_of_no_rows_may_be_anything() -> None:
    low, high = share_interval([0, 0, 10], [0, 10, 10], 0.95)
    np.testing.assert_allclose(low, [0, 0, 0.7225], atol=1e-3)
    np.testing.assert_allclose(high, [1, 0.2775, 1], atol=1e-3)

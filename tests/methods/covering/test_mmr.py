"""Marginal relevance against plain greedy that looks at every candidate every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_pools import Case, cases, check_nearest, clustered, exact_distances, unit

from assets.errors import DataError
from assets.methods.coverage.k_center import k_center
from assets.methods.coverage.mmr import marginal_relevance


def plain_greedy(case: Case, trade_off: float) -> tuple[list[int], list[float]]:
    cosine = 1 - exact_distances(case.vectors) / 2
    relevance = trade_off * case.weights
    open_rows = case.candidates.copy()
    open_rows[case.start] = False
    taken = list(case.start)
    order: list[int] = []
    gains: list[float] = []
    while len(order) < case.picks and open_rows.any():
        alike = cosine[:, taken].max(axis=1) if taken else np.zeros(len(cosine))
        margin = np.where(open_rows, relevance - (1 - trade_off) * alike, -np.inf)
        best = int(margin.argmax())
        order.append(best)
        gains.append(float(margin[best]))
        taken.append(best)
        open_rows[best] = False
    return order, gains


@settings(max_examples=100, deadline=None)
@given(cases(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
def test_it_takes_what_plain_greedy_takes(case: Case, trade_off: float) -> None:
    found = marginal_relevance(case.vectors, case.picks, case.candidates, case.weights, case.start, trade_off=trade_off)
    order, gains = plain_greedy(case, trade_off)
    np.testing.assert_allclose(found.gains, gains, atol=1e-9)
    # Where margins tie but for the rounding of a factor, either may come first; the margins above are the same.
    if len(set(np.round(gains, 9))) == len(gains):
        assert found.order.tolist() == order
    check_nearest(case, found.order, found.nearest, found.similarity)


def test_relevance_alone_ranks_by_weight_and_diversity_alone_is_k_center() -> None:
    vectors, weights = clustered(200, 8), np.random.default_rng(1).random(200)
    by_weight = marginal_relevance(vectors, 50, weights=weights, trade_off=1.0)
    assert by_weight.order.tolist() == np.argsort(-weights)[:50].tolist()
    apart = marginal_relevance(vectors, 50, trade_off=0.0)
    assert apart.order.tolist() == k_center(vectors, 50).order.tolist()


def test_a_copy_of_a_relevant_row_waits_for_others() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    found = marginal_relevance(vectors, 3, weights=np.array([1.0, 0.9, 0.3]))
    assert found.order.tolist() == [0, 2, 1]
    assert found.gains.tolist() == pytest.approx([0.5, 0.15, -0.05])


def test_a_trade_off_outside_its_range_is_refused() -> None:
    with pytest.raises(DataError, match=r"trade_off: expected from 0 .* to 1 .*, not 1.5"):
        marginal_relevance(unit(3), 1, trade_off=1.5)

"""Ranking: each method inside one group gets what it needs, and takes nothing that it must not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import METHODS, a_group, a_pool, unit

from assets.methods.coverage.dpp import determinantal
from assets.methods.coverage.k_center import k_center
from assets.methods.coverage.mmr import marginal_relevance
from assets.methods.coverage.pruning import distinct
from assets.methods.coverage.representatives import representatives
from assets.methods.facility_location import facility_location
from assets.methods.selecting.ranking import Method, Name, rank, stand_ins
from assets.methods.similarity.round_robin import round_robin

NONE = np.empty(0, dtype=np.int64)
ALL = np.ones(50, dtype=bool)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(METHODS), st.integers(1, 40), st.integers(0, 50), st.integers(0, 1000), st.booleans())
def test_only_open_rows_are_taken_and_none_twice(method: Any, rows: int, budget: int, seed: int, gumbel: bool) -> None:
    random = np.random.default_rng(seed)
    group = a_group(a_pool(rows, seed), random.choice([0.0, 0.5, 1.0], rows), seats=budget)
    start = random.permutation(rows)[: int(random.integers(0, 4))]
    may = random.random(rows) < 0.8
    may[start] = False
    found = rank(Method(method, gumbel=gumbel), group, may, start, budget)
    assert len(set(found.order.tolist())) == len(found.order) <= min(budget, may.sum())
    assert may[found.order].all()
    assert np.isfinite(found.gains).all()
    assert np.isin(found.nearest, [-1, *start, *found.order]).all()


def test_each_method_is_called_with_scores_and_options() -> None:
    random = np.random.default_rng(0)
    worth = random.random(50)
    group = a_group(a_pool(50), worth, seats=12)
    vectors, may = group.vectors, random.random(50) < 0.8
    start = np.flatnonzero(~may)[:3]
    expected = {
        Method("facility_location"): facility_location(vectors, 12, may, worth, start=start),
        Method("k_center"): k_center(vectors, 12, may, worth, start),
        Method("kmeans", member="best"): representatives(vectors, 12, may, worth, start, "best"),
        Method("distinct", max_similarity=0.6): distinct(vectors, worth, 12, 0.6, may, start),
        Method("mmr", trade_off=0.2): marginal_relevance(vectors, 12, may, worth, start, 0.2),
        Method("dpp"): determinantal(vectors, 12, may, worth, start),
    }
    for method, ordering in expected.items():
        found = rank(method, group, may, start, 12)
        assert found.order.tolist() == ordering.order.tolist()
        assert found.gains.tolist() == ordering.gains.tolist()
        assert found.nearest.tolist() == ordering.nearest.tolist()


def test_the_target_sets_take_turns() -> None:
    group = a_group(a_pool(50))
    assert rank(Method("round_robin"), group, ALL, NONE, 9).order.tolist() == (
        round_robin(group.targets, 9).ordering.order.tolist()
    )


def test_a_better_score_never_makes_a_row_less_of_a_target_even_if_its_cosine_is_below_zero() -> None:
    targets = np.array([[-0.9, -0.2, -0.2, np.nan, -0.5]])
    group = a_group(a_pool(5), np.array([1.0, 0.5, 1.0, 1.0, 1.0]), targets=targets)
    found = rank(Method("round_robin"), group, np.ones(5, dtype=bool), NONE, 5)
    assert found.order.tolist() == [2, 4, 1, 0]


def test_a_target_set_that_has_nothing_to_compare_in_a_group_is_passed_over() -> None:
    targets = np.array([[np.nan] * 3, [0.1, 0.3, 0.2]])
    group = a_group(a_pool(3), np.array([1.0, 1.0, 0.5]), targets=targets)
    assert rank(Method("round_robin"), group, np.ones(3, dtype=bool), NONE, 3).order.tolist() == [1, 2, 0]


@pytest.mark.parametrize("method", ["scores", "round_robin"])
def test_what_is_worth_nothing_is_never_drawn(method: Any) -> None:
    group = a_group(a_pool(20), np.where(np.arange(20) < 5, 1.0, 0.0), targets=np.zeros((2, 20)))
    for seed in range(10):
        found = rank(Method(method, gumbel=True), replace(group, seed=seed), np.ones(20, dtype=bool), NONE, 20)
        assert sorted(found.order.tolist()) == list(range(5))


def test_a_draw_belongs_to_the_ids_and_not_to_the_places() -> None:
    pool = a_pool(30)
    group = a_group(pool, np.ones(30), targets=np.zeros((2, 30)))
    part = a_group(replace(pool, ids=pool.ids[:20], vectors=pool.vectors[:20]), np.ones(20), targets=np.zeros((2, 20)))
    names: tuple[Name, ...] = ("scores", "round_robin")
    for name in names:
        method = Method(name, gumbel=True)
        whole, few = (rank(method, each, np.ones(len(each.ids), bool), NONE, 30) for each in (group, part))
        if name == "scores":
            shared = [group.ids[row] for row in whole.order.tolist() if group.ids[row] in part.ids]
            assert shared == [part.ids[row] for row in few.order.tolist()]
        assert rank(method, replace(group, seed=1), np.ones(30, bool), NONE, 30).order.tolist() != whole.order.tolist()


def test_coverage_and_scores_are_weighed_alike_whichever_phase_takes_a_row() -> None:
    """Rows that are taken before others, because they must be in, have gains in the unit of all others."""
    group = a_group(a_pool(50), np.random.default_rng(0).random(50), seats=10)
    method = Method(combine="sum")
    whole = rank(method, group, ALL, NONE, 10)
    first = rank(method, group, np.isin(np.arange(50), whole.order[:4]), NONE, 1e9)
    assert first.order.tolist() == whole.order[:4].tolist()
    assert first.gains.tolist() == whole.gains[:4].tolist()
    rest = rank(method, group, ~np.isin(np.arange(50), whole.order[:4]), whole.order[:4], 6)
    assert rest.order.tolist() == whole.order[4:].tolist()
    assert rest.gains.tolist() == pytest.approx(whole.gains[4:].tolist())


@pytest.mark.parametrize("budget", [5, 40, 200, 10_000])
def test_costs_are_what_the_budget_pays_for(budget: int) -> None:
    group = a_group(a_pool(50, costs=True), seats=budget)
    names: tuple[Name, ...] = ("scores", "facility_location")
    for name in names:
        found = rank(Method(name), group, ALL, NONE, budget)
        spent = np.cumsum(group.costs[found.order])
        assert spent[-1] >= budget or len(found.order) == 50


def test_who_stands_for_whom_is_told_of_rows_that_are_given() -> None:
    group, taken = a_group(a_pool(50)), np.array([3, 9, 40])
    cosines = group.vectors @ group.vectors[taken].T
    names: tuple[Name, ...] = ("facility_location", "k_center", "mmr", "dpp")
    for name in names:
        found = stand_ins(Method(name), group, taken)
        assert found is not None
        assert found.nearest.tolist() == taken[cosines.argmax(axis=1)].tolist()
        np.testing.assert_allclose(found.similarity, cosines.max(axis=1), atol=1e-5)
    assert stand_ins(Method("scores"), group, taken) is None


@pytest.mark.parametrize("method", METHODS)
def test_a_group_without_seats_or_open_rows(method: Any) -> None:
    group = a_group(a_pool(50, vectors=unit(50)), seats=0)
    assert rank(Method(method), group, ALL, NONE, 0).order.tolist() == []
    assert rank(Method(method, "sum"), group, ~ALL, NONE, 5).nearest.tolist() == [-1] * 50
    assert rank(Method(method, "sum"), group, ~ALL, np.array([7]), 5).order.tolist() == []

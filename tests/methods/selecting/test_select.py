"""Select: quotas in every prefix, independence of the order of the pool, and every method under every circumstance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import METHODS, a_pool, a_score, a_wish, by_group, costs_of, groups, ids_of, shuffled, unit
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods.facility_location import facility_location
from assets.methods.quotas.plans import Quota
from assets.methods.selecting.ranking import Method, Name
from assets.methods.selecting.select import Pool, Wanted, select

FULL = [name for name in METHODS if name != "distinct"]  # those that fill every seat
TELLING = ["facility_location", "k_center", "mmr", "dpp", "kmeans"]  # those that tell who stands for each row


# -- quotas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["natural", "equal", "square_root", {"g0": 0.5, "g2": 0.5}])
@pytest.mark.parametrize("method", FULL)
def test_quotas_are_met_exactly_and_nothing_is_chosen_twice(method: Any, rule: Any) -> None:
    pool, values = a_pool(120), groups(120, 3)
    found = select(pool, a_wish(pool, 40, method, quotas=[Quota("group", rule)], values=[values]))
    assert len(set(found.indices.tolist())) == len(found.indices) == found.spent == 40
    assert {name: count for name, count in found.plan.by_column["group"].items() if count} == by_group(values, found)


def test_several_quotas_hold_at_once() -> None:
    pool, one, two = a_pool(200), groups(200, 3), groups(200, 4, seed=5)
    quotas = [Quota("topic", "equal"), Quota("source", {"g0": 0.5, "g1": 0.3, "g2": 0.2})]
    found = select(pool, a_wish(pool, 60, quotas=quotas, values=[one, two]))
    assert by_group(one, found) == {"g0": 20, "g1": 20, "g2": 20}
    assert by_group(two, found) == {"g0": 30, "g1": 18, "g2": 12}


def test_quotas_that_clash_are_told_with_their_numbers() -> None:
    pool = a_pool(30)
    with pytest.raises(DataError, match="group 'a' is to have 18 of 20 rows by its share, but only 15 can be chosen"):
        quotas = [Quota("group", {"a": 0.9, "b": 0.1})]
        select(pool, a_wish(pool, 20, quotas=quotas, values=[["a", "b"] * 15]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.sampled_from(["scores", "facility_location"]))
def test_every_prefix_keeps_the_shares(sizes: list[int], method: Any) -> None:
    values = [f"g{k}" for k, size in enumerate(sizes) for _ in range(size)]
    pool = a_pool(len(values))
    found = select(pool, a_wish(pool, len(values), method, quotas="natural", values=[values]))
    taken = dict.fromkeys(values, 0)
    for place, row in enumerate(found.indices.tolist(), start=1):
        taken[values[row]] += 1
        for k, size in enumerate(sizes):
            share = size / len(values)
            assert abs(taken[f"g{k}"] - place * share) <= 0.5 + len(sizes) / 2 * share + 1e-9


def test_gains_of_different_groups_never_decide_between_groups() -> None:
    """instructlab sorts the gains of its folds together, so that a fold of large gains takes the places of the others.

    Here the gains of one group are a hundred times those of the other, and each has its half of every prefix.
    """
    pool, values = a_pool(200), ["small", "large"] * 100
    scores = [a_score(np.where(np.array(values) == "large", 100.0, 1.0))]
    found = select(pool, a_wish(pool, 100, quotas="equal", values=[values], scores=scores))
    is_large = np.array([values[row] == "large" for row in found.indices])
    assert found.gains[is_large].min() > found.gains[~is_large].max()
    assert (np.abs(np.cumsum(is_large) - np.arange(1, 101) / 2) <= 0.5).all()


@pytest.mark.parametrize("method", ["scores", "facility_location", "k_center", "mmr", "dpp", "round_robin"])
def test_a_smaller_budget_is_a_prefix_in_each_group(method: Any) -> None:
    pool, values = a_pool(150), groups(150, 3)
    large, small = (
        select(pool, a_wish(pool, budget, method, quotas="natural", values=[values])) for budget in (75, 30)
    )
    for name in sorted(set(values)):
        parts = [[row for row in found.indices.tolist() if values[row] == name] for found in (large, small)]
        assert parts[0][: len(parts[1])] == parts[1]


# -- the same answer -------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(METHODS), st.integers(0, 1000), st.booleans())
def test_the_order_of_the_pool_does_not_show(method: Any, seed: int, in_tokens: bool) -> None:
    random = np.random.default_rng(seed)
    pool = a_pool(60, seed, in_tokens, suspected=random.random(60) < 0.2, previous=random.random(60) < 0.2)
    pool = replace(pool, required=random.random(60) < 0.05, vectors=unit(60, seed=seed, distinct=30))
    scores = [a_score(random.choice([0.5, 1.0, np.nan], 60, p=[0.45, 0.45, 0.1]))]
    total = 60 if pool.costs is None else int(pool.costs.sum())
    wanted = a_wish(pool, total // 2, method, quotas="natural", values=[groups(60, 3)], scores=scores)
    wanted = replace(wanted, random_share=0.2, previous_rows=int(pool.previous.sum()), churn=0.6)
    found = select(pool, wanted)
    other_pool, other = shuffled(pool, wanted, seed)
    again = select(other_pool, other)
    assert ids_of(other_pool, again.indices) == ids_of(pool, found.indices)
    assert again.gains.tolist() == found.gains.tolist()
    assert again.phases.tolist() == found.phases.tolist()
    assert again.covers.tolist() == found.covers.tolist()
    assert again.notes == found.notes


@pytest.mark.parametrize("method", METHODS)
def test_two_calls_and_any_number_of_threads_agree(method: Any) -> None:
    pool, values = a_pool(600), groups(600, 2)
    runs = []
    for threads in (1, 2, 1):
        with threadpool_limits(limits=threads):
            found = select(pool, a_wish(pool, 120, method, quotas="equal", values=[values]))
        parts = (found.indices, found.gains, found.phases, found.covers, found.nearest, found.similarity)
        runs.append([part.tobytes() for part in parts])
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize("method", METHODS)
def test_copies_with_equal_scores_are_taken_in_the_order_of_their_ids(method: Any) -> None:
    pool = a_pool(20, vectors=np.repeat(unit(1), 20, axis=0))
    wanted = a_wish(pool, 5, method, targets=np.ones((1, 20)))
    found = select(pool, wanted)
    count = 1 if method == "distinct" else 5
    assert ids_of(pool, found.indices) == sorted(pool.ids)[:count]


def test_one_group_is_plain_facility_location_over_rows_in_the_order_of_their_ids() -> None:
    pool, weights = a_pool(80), np.random.default_rng(0).uniform(0.1, 1, 80)
    found = select(pool, a_wish(pool, 15, weights=weights))
    order = np.argsort(pool.ids)
    expected = facility_location(pool.vectors[order], 15, weights=weights[order])
    assert found.indices.tolist() == order[expected.order].tolist()
    assert found.gains.tolist() == expected.gains.tolist()
    assert found.nearest[order].tolist() == order[expected.nearest].tolist()


# -- every method under every circumstance ---------------------------------------------------------------------------

CIRCUMSTANCES: dict[str, dict[str, Any]] = {
    "plain": {},
    "quotas": {"quotas": "equal", "values": 3},
    "required and previous": {"required": 2, "previous": 9, "churn": 0.5},
    "a random share": {"random_share": 0.3},
    "weights of zero": {"weights": 0.0},
    "scores, some of zero": {"scores": [0.0, 0.5, 1.0]},
    "scores added": {"scores": [0.0, 0.5, 1.0], "combine": "sum"},
    "copies": {"distinct": 1},
    "all suspected": {"suspected": True},
    "noise": {"gumbel": True, "scores": [0.0, 0.5, 1.0]},
}


def made(method: Name, circumstance: str, rows: int, budget: int, costs: bool) -> tuple[Pool, Wanted]:
    asked = CIRCUMSTANCES[circumstance]
    pool = a_pool(rows, costs=costs, vectors=unit(rows, distinct=asked.get("distinct")))
    at = np.arange(rows)
    pool = replace(
        pool,
        required=at < min(asked.get("required", 0), 0 if costs else budget),
        previous=at >= rows - asked.get("previous", 0),
        suspected=np.full(rows, asked.get("suspected", False)),
    )
    values = [groups(rows, asked["values"])] if "values" in asked else []
    scores = [a_score(np.resize(asked["scores"], rows))] if "scores" in asked else []
    options = Method(method, asked.get("combine", "product"), gumbel=asked.get("gumbel", False))
    wanted = a_wish(pool, budget, options, quotas=asked.get("quotas", []), values=values, scores=scores)
    return pool, replace(
        wanted,
        weights=np.full(rows, asked.get("weights", 1.0)),
        random_share=asked.get("random_share", 0.0),
        previous_rows=min(int(pool.previous.sum()), budget // (200 if costs else 4)),
        churn=asked.get("churn", 1.0),
    )


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_works_under_every_circumstance(method: str, circumstance: str) -> None:
    for rows, share, costs in (
        (1, 1, False),
        (2, 0.5, True),
        (40, 0.5, False),
        (40, 1.2, False),
        (40, 0.4, True),
        (40, 1.2, True),
    ):
        total = int(costs_of(a_pool(rows, costs=True)).sum()) if costs else rows
        budget, told = round(share * total), list[int]()
        pool, wanted = made(method, circumstance, rows, budget, costs)
        found = select(pool, wanted, told.append)
        assert len(set(found.indices.tolist())) == len(found.indices)
        assert np.isfinite(found.gains).all()
        assert (found.covers >= 1).all()
        assert found.spent <= budget
        assert sum(told) == rows
        if method != "distinct" and (share >= 1 or not costs):
            assert found.spent == min(budget, total)


@pytest.mark.parametrize("costs", [False, True])
@pytest.mark.parametrize("method", TELLING)
def test_the_rows_that_each_stands_for_add_up_to_the_pool(method: Any, costs: bool) -> None:
    pool, values = a_pool(90, costs=costs), groups(90, 3)
    budget = 30 if pool.costs is None else int(pool.costs.sum() // 3)
    found = select(pool, a_wish(pool, budget, method, quotas="equal", values=[values]))
    told = found.nearest >= 0
    assert found.covers.sum() == told.sum()
    if method != "kmeans":  # clusters of which no row fitted into the budget have nobody
        assert told.all()
    assert np.isin(found.nearest[told], found.indices).all()
    assert (found.nearest[found.indices] == found.indices).all()
    cells = found.plan.cells
    assert (cells[found.nearest[told]] == cells[told]).all()
    cosines = (pool.vectors * pool.vectors[found.nearest]).sum(axis=1)
    np.testing.assert_allclose(found.similarity[told], cosines[told], atol=1e-5)


# -- arguments -------------------------------------------------------------------------------------------------------


def test_an_empty_pool_and_an_empty_budget() -> None:
    empty = a_pool(0)
    found = select(empty, a_wish(empty, 0))
    assert found.indices.tolist() == []
    assert found.contributions.shape == (0, 0)
    pool = a_pool(5)
    assert select(pool, a_wish(pool, 0, scores=[a_score(np.ones(5))])).contributions.shape == (0, 1)


@pytest.mark.parametrize(
    ("pool", "wanted", "message"),
    [
        ({"ids": ["a"]}, {}, r"differ in length: \[1, 5\]"),
        ({"suspected": np.zeros(4, bool)}, {}, "differ in length"),
        ({"costs": np.ones(4, np.int64)}, {}, "differ in length"),
        ({}, {"targets": np.ones((1, 4))}, "differ in length"),
        ({}, {"scores": [a_score([1.0])]}, "differ in length"),
        ({"ids": ["a", "b", "c", "\x1b[2Ja", "\x1b[2Ja"]}, {}, r"id .*\[2Ja stands twice; expected every id once"),
        ({}, {"weights": np.array([1, np.nan, 1, 1, 1])}, "the weight of .* is nan; expected at least 0"),
        ({}, {"weights": np.array([1, -0.5, 1, 1, 1])}, "the weight of .* is -0.5"),
        ({}, {"weights": np.array([1, np.inf, 1, 1, 1])}, "the weight of .* is inf"),
        ({"vectors": unit(5) * np.float32(2)}, {}, "the vector of .* has length 2; expected 1"),
        ({"vectors": np.zeros((5, 3), np.float32)}, {}, "the vector of .* has length 0; expected 1"),
        ({"vectors": np.full((5, 3), np.nan, np.float32)}, {}, "the vector of .* has length nan; expected 1"),
        ({"costs": np.array([1, 0, 1, 1, 1])}, {}, "row 1 costs 0 tokens; expected at least 1"),
        ({}, {"method": Method("round_robin"), "targets": np.empty((0, 5))}, "expected one row for each target set"),
    ],
)
def test_arguments_that_do_not_fit_are_named(pool: dict[str, Any], wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        select(replace(a_pool(5), **pool), replace(a_wish(a_pool(5), 2), **wanted))
    assert str(error.value).isprintable()

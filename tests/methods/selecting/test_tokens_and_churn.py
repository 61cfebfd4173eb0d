"""Budgets in tokens, and subsets that start from an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import METHODS, a_pool, a_score, a_wish, costs_of, groups, ids_of, objective, unit

from assets.errors import DataError
from assets.methods.quotas.plans import Quota, plan
from assets.methods.selecting.filling import CHOSEN, PREVIOUS, REQUIRED
from assets.methods.selecting.ranking import Method, Name
from assets.methods.selecting.select import Pool, Wanted, select

# Those whose choice, started from a part of itself, is itself.
STEADY = ["scores", "facility_location", "k_center", "distinct", "mmr", "dpp"]


# -- tokens ----------------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.integers(1, 60),
    st.floats(0, 1.1),
    st.integers(1, 5),
    st.sampled_from(["equal", "natural", "square_root"]),
    st.sampled_from([0.0, 0.4]),
    st.integers(0, 10_000),
)
def test_a_token_budget_is_kept_and_spent_and_its_quotas_hold_within_a_row(
    method: Any, rows: int, share: float, count: int, rule: Any, random_share: float, seed: int
) -> None:
    pool, values = a_pool(rows, seed, True, vectors=unit(rows, 16, seed)), groups(rows, count, seed)
    costs = costs_of(pool)
    budget = round(share * int(costs.sum()))
    wanted = a_wish(pool, budget, Method(method, max_similarity=0.999), random_share=random_share)
    found = select(pool, replace(wanted, quotas=[Quota("group", rule)], values=[values]))
    assert found.spent == costs[found.indices].sum() <= budget
    is_left = np.ones(rows, dtype=bool)
    is_left[found.indices] = False
    for name, seats in found.plan.by_column["group"].items():
        mine = np.array([value == name for value in values])
        got = int(costs[mine & ~is_left].sum())
        largest = int(costs[mine].max())
        assert got < seats + largest or got == seats
        # No row of the group would still fit into its seats.
        assert not (mine & is_left & (costs <= seats - got)).any()
        # Nor into what all groups have left, where the group has not had a row more than its seats.
        if got < seats:
            assert not (mine & is_left & (costs <= budget - found.spent)).any() or seats - got < largest


def test_what_no_group_can_spend_by_itself_buys_a_row_for_one_of_them() -> None:
    """Each of two groups has 15 of 30 tokens, and rows of 10: three rows of them, not two."""
    pool = replace(a_pool(8), costs=np.full(8, 10))
    found = select(pool, a_wish(pool, 30, quotas="equal", values=[["a", "b"] * 4]))
    assert found.spent == 30
    assert found.notes == ()
    # A group for which no row fits gets one as well, and each at most one.
    dear = replace(pool, costs=np.array([10, 16] * 4))
    found = select(dear, a_wish(dear, 30, quotas="equal", values=[["a", "b"] * 4]))
    assert sorted(costs_of(dear)[found.indices].tolist()) == [10, 16]


def test_without_quotas_no_row_is_left_that_would_fit() -> None:
    for seed in range(20):
        pool = a_pool(80, seed, True)
        costs = costs_of(pool)
        methods: tuple[Name, ...] = ("facility_location", "scores", "k_center", "round_robin")
        for method in methods:
            found = select(pool, a_wish(pool, int(costs.sum()) // 3, method))
            left = np.setdiff1d(np.arange(80), found.indices)
            assert costs[left].min() > found.plan.seats.sum() - found.spent


def test_a_row_too_dear_for_its_seats_lowers_nobody_s_gain() -> None:
    """The row that covers everything costs more than there is; the others are chosen as if it were not there."""
    vectors = unit(40, 8)
    vectors[0] = vectors[1:].mean(axis=0) / np.linalg.norm(vectors[1:].mean(axis=0))
    pool = a_pool(40, vectors=vectors, costs=False)
    pool = replace(pool, costs=np.where(np.arange(40) == 0, 1000, 10))
    found = select(pool, a_wish(pool, 100, cost_strength=0.0))
    alone = replace(pool, suspected=np.arange(40) == 0)
    assert found.indices.tolist() == select(alone, a_wish(pool, 100, cost_strength=0.0)).indices.tolist()
    assert 0 not in found.indices


def test_gains_count_by_token_as_much_as_is_asked_for() -> None:
    pool = a_pool(200, costs=True)
    tokens = {}
    for strength in (0.0, 0.5, 1.0):
        found = select(pool, a_wish(pool, 800, cost_strength=strength))
        tokens[strength] = costs_of(pool)[found.indices].mean()
    assert tokens[1.0] < tokens[0.5] < tokens[0.0]


def test_more_coverage_is_bought_by_minding_the_costs() -> None:
    pool = a_pool(300, costs=True)
    minded, not_minded = (
        objective(pool.vectors, select(pool, a_wish(pool, 600, cost_strength=strength)).indices)
        for strength in (1.0, 0.0)
    )
    assert minded > not_minded


def test_tokens_that_stay_unspent_are_told() -> None:
    pool = replace(a_pool(6, vectors=np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)), costs=np.full(6, 10))
    found = select(pool, a_wish(pool, 60, "distinct"))
    assert found.notes == (
        "30 of 60 tokens spent: every other row that fits has a cosine above 0.9 to one that was taken",
    )
    pool = replace(a_pool(8), costs=np.array([9, 500, 9, 500, 9, 500, 9, 500]))
    found = select(pool, a_wish(pool, 40, quotas="equal", values=[["a", "b"] * 4]))
    assert found.notes == ("27 of 40 tokens spent: by the quotas no group gets another row that fits",)


def test_required_rows_take_their_tokens_first() -> None:
    pool = replace(a_pool(30, costs=True), required=np.isin(np.arange(30), [4, 11]))
    budget = int(costs_of(pool)[[4, 11]].sum()) + 30
    found = select(pool, a_wish(pool, budget))
    assert set(found.indices[:2].tolist()) == {4, 11}
    assert found.phases[:2].tolist() == [REQUIRED] * 2
    assert found.spent <= budget


# -- churn -----------------------------------------------------------------------------------------------------------


def started(pool: Pool, wanted: Wanted, from_ids: list[str], churn: float) -> tuple[Pool, Wanted]:
    previous = np.isin(np.array(pool.ids), from_ids)
    return replace(pool, previous=previous), replace(wanted, previous_rows=len(from_ids), churn=churn)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.floats(0, 1),
    st.integers(0, 1000),
    st.booleans(),
    st.sampled_from([None, "natural", "equal"]),
)
def test_no_more_rows_leave_than_may(method: Any, churn: float, seed: int, in_tokens: bool, rule: Any) -> None:
    random = np.random.default_rng(seed)
    pool = a_pool(60, seed, in_tokens, vectors=unit(60, seed=seed, distinct=25), suspected=random.random(60) < 0.3)
    total = 60 if pool.costs is None else int(pool.costs.sum())
    scores = [a_score(random.choice([0.0, 0.5, 1.0], 60))]
    wanted = a_wish(pool, total // 2, Method(method), scores=scores)
    if rule:
        wanted = replace(wanted, quotas=[Quota("group", rule)], values=[groups(60, 3, seed)])
    before = [pool.ids[row] for row in random.permutation(60)[:20]]
    pool, wanted = started(pool, wanted, before, churn)
    needed = int(np.ceil(round((1 - churn) * 20, 9)))
    seats = plan(wanted.quotas, wanted.values, wanted.budget, np.ones(60, dtype=bool), pool.costs)
    room = np.bincount(seats.cells[pool.previous], minlength=len(seats.seats))
    told = ""
    try:
        found = select(pool, wanted)
    except DataError as error:
        told = str(error)
    assert in_tokens or bool(told) == (np.minimum(room, seats.seats).sum() < needed)
    if told:
        assert f"at least {needed} rows of the previous subset must stay" in told
        return
    assert pool.previous[found.indices].sum() >= needed
    assert found.spent <= total // 2
    assert (pool.previous[found.indices] | (found.phases != PREVIOUS)).all()


@pytest.mark.parametrize("churn", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("method", STEADY)
def test_the_choice_of_the_same_pool_started_from_itself_is_itself(method: Any, churn: float) -> None:
    pool, values = a_pool(120), groups(120, 3)
    wanted = a_wish(pool, 40, method, quotas="natural", values=[values])
    first = select(pool, wanted)
    again = select(*started(pool, wanted, ids_of(pool, first.indices), churn))
    assert again.indices.tolist() == first.indices.tolist()
    assert again.gains.tolist() == first.gains.tolist()
    assert (again.phases == PREVIOUS).sum() == np.ceil((1 - churn) * 40)


def test_without_churn_all_rows_stay_and_new_ones_are_added() -> None:
    pool = a_pool(100)
    wanted = a_wish(pool, 30)
    before = ids_of(pool, np.random.default_rng(0).permutation(100)[:20])
    found = select(*started(pool, wanted, before, 0.0))
    assert set(before) <= set(ids_of(pool, found.indices))
    assert found.phases.tolist() == [PREVIOUS] * 20 + [CHOSEN] * 10


def test_the_more_may_leave_the_better_the_subset_gets() -> None:
    pool = a_pool(300, vectors=unit(300, 16))
    before = ids_of(pool, np.arange(40))
    reached = [
        objective(pool.vectors, select(*started(pool, a_wish(pool, 40), before, churn)).indices)
        for churn in (0.0, 0.3, 0.7, 1.0)
    ]
    assert reached == sorted(reached)
    assert reached[0] < reached[-1]


def test_rows_that_have_gone_from_the_pool_count_as_having_left() -> None:
    pool = a_pool(100)
    before = [*ids_of(pool, np.arange(10)), *(f"gone{i}" for i in range(10))]
    found = select(*started(pool, a_wish(pool, 40), before, 0.5))
    assert (found.phases == PREVIOUS).sum() == 10
    message = (
        "at least 11 rows of the previous subset must stay, but 10 of them can be chosen now, and budget and quotas "
        "have room for 10; raise churn, or the budget"
    )
    with pytest.raises(DataError, match=message):
        select(*started(pool, a_wish(pool, 40), before, 0.45))


def test_quotas_that_leave_no_room_for_the_rows_that_must_stay_are_told() -> None:
    pool, values = a_pool(60), ["a"] * 30 + ["b"] * 30
    wanted = a_wish(pool, 20, quotas="equal", values=[values])
    before = ids_of(pool, np.arange(20))  # all of them of one group, which has 10 seats
    message = "at least 16 rows of the previous subset must stay, but 20 of them can be chosen now, .* room for 10;"
    with pytest.raises(DataError, match=message):
        select(*started(pool, wanted, before, 0.2))
    found = select(*started(pool, wanted, before, 0.5))
    assert (found.phases == PREVIOUS).sum() == 10


def test_rows_that_came_under_suspicion_are_the_first_to_leave() -> None:
    pool = a_pool(60, suspected=np.arange(60) < 10)
    found = select(*started(pool, a_wish(pool, 30), ids_of(pool, np.arange(20)), 0.5))
    kept = found.indices[found.phases == PREVIOUS]
    assert sorted(kept.tolist()) == list(range(10, 20))


def test_in_tokens_short_rows_stay_where_long_ones_would_leave_no_room_for_as_many() -> None:
    """By the scores the longest come first; two of them would leave room for no other of the four that must stay."""
    pool = replace(a_pool(8), costs=np.array([40, 40, 10, 10, 10, 10, 1, 1]))
    scores = [a_score([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.1, 0.1])]
    wanted = a_wish(pool, 80, "scores", scores=scores, cost_strength=0.0)
    found = select(*started(pool, wanted, ids_of(pool, np.arange(6)), 0.34))
    assert found.indices[:4].tolist() == [0, 2, 3, 4]
    assert found.phases[:4].tolist() == [PREVIOUS] * 4
    with pytest.raises(DataError, match=r"6 rows of the previous .* but 6 of them .* room for 5; raise churn"):
        select(*started(pool, wanted, ids_of(pool, np.arange(6)), 0.0))


def test_required_rows_of_the_previous_subset_count_as_kept() -> None:
    pool = a_pool(60, required=np.arange(60) < 5)
    found = select(*started(pool, a_wish(pool, 20), ids_of(pool, np.arange(10)), 0.3))
    assert (found.phases == REQUIRED).sum() == 5
    assert (found.phases == PREVIOUS).sum() == 2

"""What a row is chosen for: scores, rows that must be in, suspected ones, rows too alike, and chance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pools import METHODS, a_pool, a_score, a_wish, groups, ids_of, objective, unit

from assets.errors import DataError
from assets.methods.selecting.filling import CHOSEN, FILLED, REQUIRED, SUSPECTED
from assets.methods.selecting.ranking import Method
from assets.methods.selecting.select import Pool, Wanted, select

FULL = [name for name in METHODS if name != "distinct"]  # those that fill every seat


# -- scores ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("combine", ["product", "sum"])
def test_by_the_scores_alone_the_best_come_first(combine: Any) -> None:
    pool, random = a_pool(60), np.random.default_rng(0)
    scores = [a_score(random.random(60), 2.0, "one"), a_score(random.random(60), 0.5, "two")]
    weights = random.choice([0.5, 1.0], 60)
    found = select(pool, a_wish(pool, 20, Method("scores", combine), scores=scores, weights=weights))
    one, two = scores[0].values, scores[1].values
    worth = weights * (one**2 * two**0.5 if combine == "product" else 2 * one + 0.5 * two)
    assert found.indices.tolist() == np.argsort(-worth)[:20].tolist()
    np.testing.assert_allclose(found.gains, worth[found.indices])
    together = found.contributions.prod(axis=1) if combine == "product" else found.contributions.sum(axis=1)
    np.testing.assert_allclose(together * weights[found.indices], found.gains)


def test_coverage_plus_scores_weighs_both() -> None:
    """At no strength of coverage the best scores, at a great one plain facility location, and between them both."""
    pool = a_pool(100)
    scores = [a_score(np.random.default_rng(0).random(100))]
    by_scores = select(pool, a_wish(pool, 20, "scores", scores=scores))
    plain = select(pool, a_wish(pool, 20))
    none, some, great = (
        select(pool, a_wish(pool, 20, Method(combine="sum", strength=strength), scores=scores))
        for strength in (0.0, 1.0, 1e9)
    )
    assert none.indices.tolist() == by_scores.indices.tolist()
    assert great.indices[:15].tolist() == plain.indices[:15].tolist()  # then there are ties of coverage
    quality = scores[0].values
    assert quality[plain.indices].mean() < quality[some.indices].mean() < quality[none.indices].mean()
    assert objective(pool.vectors, none.indices) < objective(pool.vectors, some.indices)


def test_a_weight_counts_for_coverage_where_scores_are_added_and_where_there_are_none() -> None:
    pool, weights = a_pool(40), np.where(np.arange(40) < 20, 0.0, 1.0)
    for scores in ([], [a_score(np.ones(40))]):
        found = select(pool, a_wish(pool, 20, Method(combine="sum"), scores=scores, weights=weights))
        assert sorted(found.indices.tolist()) == list(range(20, 40))


def test_a_row_that_is_worth_nothing_is_taken_last_and_gains_nothing() -> None:
    for method in FULL:
        pool, quality = a_pool(12), np.where(np.arange(12) == 5, 0.0, 0.5)
        found = select(pool, a_wish(pool, 12, Method(method), scores=[a_score(quality)], targets=np.ones((1, 12))))
        assert found.indices[-1] == 5
        assert found.gains[-1] == 0 or method == "mmr"  # a margin of its own, which counts likeness as well


def test_a_row_without_a_score_is_not_chosen_and_counted_but_must_be_in_if_it_is_required() -> None:
    quality = np.linspace(0.1, 1, 10)
    quality[[3, 4, 5]] = np.nan
    pool = a_pool(10, required=np.arange(10) == 4)
    found = select(pool, a_wish(pool, 10, scores=[a_score(quality)]))
    assert sorted(found.indices.tolist()) == [0, 1, 2, 4, 6, 7, 8, 9]
    assert "2 rows without quality were left out" in found.notes
    assert "10 rows asked for, 8 can be chosen" in found.notes


# -- rows that must be in, that are suspected, that are too alike ----------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_required_rows_are_in_whatever_they_are_and_come_first_in_their_group(method: Any) -> None:
    required = np.isin(np.arange(60), [7, 8, 20, 33])
    pool = a_pool(60, required=required, suspected=np.arange(60) < 10, vectors=unit(60, distinct=12))
    scores = [a_score(np.where(np.arange(60) == 20, np.nan, np.linspace(0, 1, 60)))]
    values = groups(60, 2)
    found = select(pool, a_wish(pool, 24, method, quotas="equal", values=[values], scores=scores))
    assert required[found.indices].sum() == 4
    for name in ("g0", "g1"):
        phases = [phase for row, phase in zip(found.indices, found.phases, strict=True) if values[row] == name]
        assert phases == sorted(phases, key=lambda phase: phase != REQUIRED)
    assert (found.phases == REQUIRED).sum() == 4


def test_more_required_rows_than_the_budget_has_are_refused() -> None:
    pool = a_pool(10, required=np.arange(10) < 4)
    with pytest.raises(DataError, match="the rows that must be in make 4 rows, but the budget is 3"):
        select(pool, a_wish(pool, 3))


@pytest.mark.parametrize("method", METHODS)
def test_suspected_rows_fill_seats_for_want_of_others_and_the_notes_say_so(method: Any) -> None:
    pool = a_pool(30, suspected=~np.isin(np.arange(30), [4, 9]))
    scores = [a_score(np.linspace(0.1, 1, 30))]
    method = Method(method, max_similarity=0.999)
    found = select(pool, a_wish(pool, 5, method, scores=scores, values=[["g"] * 30], quotas="equal"))
    assert set(found.indices[:2].tolist()) == {4, 9}
    assert found.indices[2:].tolist() == [29, 28, 27]
    assert found.phases.tolist()[2:] == [SUSPECTED] * 3
    assert "'g': 3 rows with suspected labels fill seats for want of others" in found.notes
    assert select(pool, a_wish(pool, 2, method, scores=scores)).notes == ()


def test_once_all_is_covered_seats_are_filled_by_worth_then_id() -> None:
    ids = ["f", "e", "d", "c", "b", "a"]
    pool = a_pool(6, ids=ids, vectors=np.repeat(unit(1), 6, axis=0))
    found = select(pool, a_wish(pool, 5, weights=np.array([0.5, 0.5, 1.0, 0.2, 0.5, 0.2])))
    assert ids_of(pool, found.indices) == ["d", "b", "e", "f", "a"]
    assert found.gains.tolist() == [6.0, 0, 0, 0, 0]
    assert found.phases.tolist() == [CHOSEN] + [FILLED] * 4


def test_distinct_rows_are_compared_with_the_kept_ones_only() -> None:
    """DEITA's filter, as it is published, compares with the whole pool: of a chain of paraphrases it keeps nothing."""
    angles = np.arange(12) * np.arccos(0.95)
    chain = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pool = a_pool(12, vectors=chain)
    scores = [a_score(np.linspace(1, 0.5, 12))]
    found = select(pool, a_wish(pool, 12, Method("distinct", max_similarity=0.9), scores=scores))
    assert found.indices.tolist() == [0, 2, 4, 6, 8, 10]
    assert found.notes == (
        "6 of 12 rows spent: every other row that fits has a cosine above 0.9 to one that was taken",
    )
    assert found.nearest[1] in (0, 2)


def test_distinct_rows_fill_the_budget_where_the_pool_allows_it() -> None:
    """DEITA's default keeps none of 50,000 rows."""
    pool = a_pool(300, vectors=unit(300, 24))
    found = select(pool, a_wish(pool, 250, Method("distinct", max_similarity=0.9)))
    assert len(found.indices) == 250
    assert found.notes == ()


def test_a_row_that_does_not_fit_refuses_nobody() -> None:
    """The dearest row is the best one, and all others are its paraphrases but one another's contraries."""
    pool = a_pool(4, vectors=np.array([[1, 0], [0.95, 0.3122499], [0.95, -0.3122499], [0.95, 0.3122499]], np.float32))
    pool = replace(pool, costs=np.array([50, 5, 7, 3]))
    scores = [a_score([1.0, 0.9, 0.8, 0.7])]
    wanted = a_wish(pool, 20, Method("distinct", max_similarity=0.9), scores=scores)
    assert select(pool, wanted).indices.tolist() == [1, 2]
    # It fits at first, and not after another one was taken.
    other = replace(pool, vectors=np.concatenate([pool.vectors, -pool.vectors[:1]]), costs=np.array([15, 5, 7, 3, 8]))
    other = replace(
        other, ids=[*"abcde"], **{name: np.zeros(5, bool) for name in ("suspected", "required", "previous")}
    )
    wanted = a_wish(other, 20, Method("distinct", max_similarity=0.9), scores=[a_score([0.9, 0.8, 0.7, 0.6, 1.0])])
    assert select(other, wanted).indices.tolist() == [4, 1, 2]


def test_suspected_rows_that_fill_seats_are_distinct_too() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    pool = a_pool(6, vectors=vectors, suspected=np.arange(6) > 1)
    found = select(pool, a_wish(pool, 6, "distinct", scores=[a_score(np.linspace(1, 0.5, 6))]))
    assert found.indices.tolist() == [0, 2, 4]


# -- randomness ------------------------------------------------------------------------------------------------------


def test_the_random_share_is_exact_in_each_group_and_even_in_every_prefix() -> None:
    pool, values = a_pool(300), groups(300, 3)
    found = select(pool, a_wish(pool, 90, quotas="equal", values=[values], random_share=0.2))
    for name in sorted(set(values)):
        phases = np.array([p for row, p in zip(found.indices, found.phases, strict=True) if values[row] == name])
        is_random = phases != CHOSEN
        assert len(phases) == 30
        assert is_random.sum() == 6
        assert (np.abs(np.cumsum(is_random) - 0.2 * np.arange(1, 31)) <= 1).all()


def test_rows_drawn_depend_on_the_seed_and_on_nothing_but_the_rows_of_their_group() -> None:
    pool, values = a_pool(100), groups(100, 2)
    wanted = a_wish(pool, 40, quotas="equal", values=[values], random_share=0.5)

    def drawn(pool: Pool, wanted: Wanted, group: str) -> set[str]:
        found = select(pool, wanted)
        rows = [row for row, phase in zip(found.indices.tolist(), found.phases, strict=True) if phase != CHOSEN]
        return {pool.ids[row] for row in rows if wanted.values[0][row] == group}

    assert drawn(pool, wanted, "g0") == drawn(pool, wanted, "g0") != drawn(pool, replace(wanted, seed=1), "g0")
    # Rows of the other group join the pool.
    more = a_pool(30, seed=9)
    nothing = np.zeros(130, dtype=bool)
    ids = [*pool.ids, *(f"x{name}" for name in more.ids)]
    larger = Pool(ids, np.concatenate([pool.vectors, more.vectors]), None, nothing, nothing, nothing)
    wish = a_wish(larger, 40, quotas="equal", values=[[*values, *["g1"] * 30]], random_share=0.5)
    assert drawn(larger, wish, "g0") == drawn(pool, wanted, "g0")


def test_a_share_of_all_is_a_random_choice() -> None:
    pool = a_pool(400)
    scores = [a_score(np.linspace(0, 1, 400))]
    found = select(pool, a_wish(pool, 100, scores=scores, random_share=1.0))
    assert 0.4 < scores[0].values[found.indices].mean() < 0.6


def test_with_gumbel_rows_are_drawn_in_proportion_to_their_scores() -> None:
    pool = a_pool(2)
    scores = [a_score([1.0, 3.0])]
    method = Method("scores", gumbel=True)
    first = [int(select(pool, a_wish(pool, 1, method, scores=scores, seed=seed)).indices[0]) for seed in range(300)]
    assert 0.65 < np.mean(first) < 0.85

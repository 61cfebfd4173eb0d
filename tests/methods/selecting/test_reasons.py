"""Reasons: one sentence for every row of the pool, true, and safe to show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pools import METHODS, a_pool, a_score, a_wish, costs_of, groups, unit

from assets.methods.selecting.ranking import Method
from assets.methods.selecting.reasons import Lost, chosen, not_chosen
from assets.methods.selecting.scores import Combine
from assets.methods.selecting.select import Pool, Selection, Wanted, select

BAD = "bad\x1b[31m\n"


def lost_of(pool: Pool, wanted: Wanted) -> tuple[Selection, Lost]:
    found = select(pool, wanted)
    return found, not_chosen(pool, wanted, found)


@pytest.mark.parametrize("costs", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_every_row_has_one_printable_sentence(method: Any, costs: bool) -> None:
    random = np.random.default_rng(0)
    pool = a_pool(60, costs=costs, suspected=random.random(60) < 0.3, required=np.arange(60) < 1)
    ids = [f"{BAD}{name}" for name in pool.ids]
    pool = replace(pool, ids=ids, vectors=unit(60, distinct=40), previous=np.arange(60) > 50)
    scores = [a_score(random.choice([0.0, 0.5, 1.0, np.nan], 60), name=BAD)]
    budget = int(costs_of(pool).sum()) // 3 if costs else 25
    wanted = a_wish(pool, budget, method, scores=scores, random_share=0.2)
    wanted = replace(wanted, values=[[BAD + name for name in groups(60, 3)]], previous_rows=4, churn=0.5)
    wanted = replace(wanted, quotas=a_wish(pool, 1, quotas="equal").quotas)
    found, lost = lost_of(pool, wanted)
    said = chosen(pool, wanted, found)
    assert len(said) == len(found.indices)
    assert sorted([*found.indices.tolist(), *lost.rows.tolist()]) == list(range(60))
    assert lost.rows.tolist() == sorted(lost.rows.tolist())
    assert len(lost.rows) == len(lost.reasons) == len(lost.details) == len(lost.to)
    for sentence in (*said, *lost.details, *found.notes):
        assert sentence.isprintable()
        assert sentence
    assert np.isin(lost.to, [-1, *found.indices]).all()
    assert set(lost.reasons) <= {"no_seats", "no_score", "suspected_label", "outranked"}


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("facility_location", "covers 5.0 rows of the pool that nothing chosen before it did; stands for 5 rows"),
        ("k_center", "farthest in the pool from all chosen before it, weighted distance 1.41; stands for 5 rows"),
        ("kmeans", "stands for a cluster of the pool, weighted size 5; stands for 5 rows"),
        ("distinct", "next by its scores in the pool, and unlike all chosen before it"),
        ("mmr", "best margin of scores over likeness in the pool, 0; stands for 5 rows"),
        ("dpp", "differs most from the rows of the pool chosen before it, log-determinant +0.001; stands for 5 rows"),
        ("scores", "highest of the pool by its scores, 1"),
        ("round_robin", "most like a target of the rows of the pool not yet chosen, 0.5"),
    ],
)
def test_a_chosen_row_is_told_why_in_the_words_of_its_method(method: Any, said: str) -> None:
    pool = a_pool(20, vectors=np.repeat(np.eye(4, dtype=np.float32), 5, axis=0))
    wanted = a_wish(pool, 4, method, targets=np.full((1, 20), 0.5))
    assert chosen(pool, wanted, select(pool, wanted))[1] == said


def test_scores_are_told_as_they_multiply_or_add_up() -> None:
    pool = a_pool(10)
    scores = [a_score(np.full(10, 0.5), 2.0, "quality"), a_score(np.full(10, 0.25), 1.0, "length")]
    said: dict[Combine, str] = {"product": "; quality 0.25 × length 0.25", "sum": "; quality 1 + length 0.25"}
    for combine, words in said.items():
        wanted = a_wish(pool, 3, Method("scores", combine), scores=scores)
        assert all(words in sentence for sentence in chosen(pool, wanted, select(pool, wanted)))


def test_rows_covered_are_told_as_rows_though_gains_are_weighted_and_by_token() -> None:
    pool = replace(a_pool(20, vectors=np.repeat(np.eye(4, dtype=np.float32), 5, axis=0)), costs=np.full(20, 7))
    wanted = a_wish(pool, 28, scores=[a_score(np.full(20, 0.3))])
    found = select(pool, wanted)
    assert found.gains.tolist() == pytest.approx([5 * 0.3 / 7] * 4)
    assert all(sentence.startswith("covers 5.0 rows of the pool") for sentence in chosen(pool, wanted, found))


def test_the_phase_that_took_a_row_is_told() -> None:
    pool = a_pool(12, vectors=np.repeat(unit(3, seed=1), 4, axis=0), suspected=np.arange(12) == 11)
    pool = replace(pool, required=np.arange(12) == 0, previous=np.arange(12) == 4)
    wanted = a_wish(pool, 12, previous_rows=1, churn=0.0, random_share=0.1)
    said = chosen(pool, wanted, select(pool, wanted))
    for words in (
        "must be in; covers",
        "was in the previous subset, and stays; covers",
        "drawn at random",
        "covers",
        "fills a seat that was left over, as the best by its scores",
        "fills a seat for want of others, though its label is suspected",
    ):
        assert any(sentence.startswith(words) for sentence in said), words


def test_a_row_that_was_not_chosen_is_told_what_it_lost_to() -> None:
    vectors = np.array([[1, 0], [0.96, 0.28], [0, 1], [0.6, 0.8], [1, 0], [1, 0]], np.float32)
    pool = a_pool(6, ids=list("abcdef"), vectors=vectors, suspected=np.arange(6) == 3)
    scores = [a_score([1.0, 0.5, 1.0, 0.5, 0.5, np.nan])]
    _, lost = lost_of(pool, a_wish(pool, 2, scores=scores))
    assert lost.rows.tolist() == [1, 3, 4, 5]
    assert lost.to.tolist() == [0, 2, 0, 0]
    assert lost.reasons == ["outranked", "suspected_label", "outranked", "no_score"]
    assert lost.details == [
        "cosine 0.960 to the chosen row that stands for it; scores 0.5 against its 1",
        "its label is suspected; cosine 0.800 to the chosen row that stands for it; scores 0.5 against its 1",
        "cosine 1.000 to the chosen row that stands for it; scores 0.5 against its 1",
        "without quality it cannot be ranked",
    ]


def test_where_the_method_does_not_tell_a_row_lost_to_the_last_one_of_its_group() -> None:
    pool, values = a_pool(8, ids=list("abcdefgh")), ["x", "y"] * 4
    scores = [a_score(np.linspace(1, 0.3, 8))]
    wanted = a_wish(pool, 4, "scores", scores=scores, quotas="equal", values=[values])
    found, lost = lost_of(pool, wanted)
    assert found.indices.tolist() == [0, 1, 2, 3]
    assert lost.to.tolist() == [2, 3, 2, 3]
    assert lost.details[0] == "behind the last row chosen of 'x'; scores 0.6 against its 0.8"


def test_groups_without_seats_are_told_so() -> None:
    pool = a_pool(9)
    wanted = a_wish(pool, 2, quotas="equal", values=[["x", "y", "z"] * 3])
    _, lost = lost_of(pool, wanted)
    assert lost.reasons.count("no_seats") == 3
    assert [lost.details[i] for i, reason in enumerate(lost.reasons) if reason == "no_seats"] == [
        "'z' has no seats"
    ] * 3

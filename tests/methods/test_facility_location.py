"""Facility location against plain greedy that looks at every candidate every time, and in pieces against the whole."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods import facility_location as fl
from assets.methods.facility_location import facility_location
from assets.methods.lazy_greedy import SCALE, Terms
from assets.methods.lazy_greedy import similarity as similarities
from assets.methods.threads import Threads


def unit(rows: int, dimensions: int = 5, seed: int = 0, distinct: int | None = None) -> np.ndarray:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((distinct or rows, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[random.integers(0, distinct, rows)] if distinct else vectors


def clustered(rows: int, dimensions: int = 16, seed: int = 0, centers: int = 60, spread: float = 0.1) -> np.ndarray:
    random = np.random.default_rng(seed)
    middles = unit(centers, dimensions, seed)[random.integers(0, centers, rows)]
    vectors = middles + spread * random.standard_normal((rows, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def objective(vectors: np.ndarray, chosen: np.ndarray) -> float:
    best = [np.maximum(strip @ vectors[chosen].T, 0).max(axis=1).sum() for strip in np.array_split(vectors, 20)]
    return float(np.sum(best))


@dataclass(frozen=True)
class Case:
    """A small pool with everything that is awkward, and what is asked of it."""

    vectors: np.ndarray
    budget: float
    candidates: np.ndarray
    terms: Terms
    start: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rows, seed = draw(st.integers(1, 25)), draw(st.integers(0, 10_000))
    random = np.random.default_rng(seed)
    vectors = unit(rows, seed=seed, distinct=draw(st.one_of(st.none(), st.integers(1, 5))))
    vectors[random.random(rows) < 0.05] = 0
    # A few distinct numbers make ties; a weight of 0 is allowed.
    few = [0.0, 0.25, 0.5, 1.0]
    terms = Terms.of(
        rows,
        weights=random.choice(few, rows) if draw(st.booleans()) else None,
        additions=random.choice(few, rows) if draw(st.booleans()) else None,
        costs=random.choice([1.0, 2.0, 5.0], rows) if draw(st.booleans()) else None,
        prices=random.choice([1.0, 1.5, 3.0], rows) if draw(st.booleans()) else None,
    )
    candidates = random.random(rows) < draw(st.sampled_from([0.6, 1.0]))
    start = random.permutation(rows)[: draw(st.integers(0, 3))].astype(np.int64)
    return Case(vectors, draw(st.integers(0, 40)), candidates, terms, start)


def plain_greedy(case: Case) -> tuple[list[int], list[float]]:
    """Greedy without laziness, in whole numbers; the first of equal values is the lower row."""
    listed = np.setdiff1d(np.flatnonzero(case.candidates), case.start)
    similarity = np.zeros((len(case.vectors), len(case.vectors)), dtype=np.int64)
    # By rows as the method asks for them: a product of matrices of another shape is rounded in another way.
    similarity[listed] = similarities(case.vectors[listed], case.vectors, same=listed)
    covered = similarities(case.vectors[case.start], case.vectors, same=case.start).max(axis=0, initial=0)
    order: list[int] = []
    values: list[float] = []
    terms, spent = case.terms, 0.0
    while spent < case.budget:
        best, most = -1, 0.0
        for v in [row for row in listed.tolist() if row not in order]:
            added = int(np.maximum(similarity[v] - covered, 0).sum())
            value = float((terms.weights[v] / SCALE * added + terms.additions[v]) / terms.prices[v])
            if value > most:
                best, most = v, value
        if best < 0:
            break
        order.append(best)
        values.append(most)
        spent += terms.costs[best]
        covered = np.maximum(covered, similarity[best])
    return order, values


def found_for(case: Case, **other: Any) -> fl.Ordering:
    terms = case.terms
    return facility_location(
        case.vectors,
        case.budget,
        case.candidates,
        terms.weights,
        terms.additions,
        terms.costs,
        terms.prices,
        case.start,
        **other,
    )


@settings(max_examples=120, deadline=None)
@given(cases())
def test_it_takes_what_plain_greedy_takes(case: Case) -> None:
    found = found_for(case)
    order, values = plain_greedy(case)
    assert found.order.tolist() == order
    assert found.gains.tolist() == values
    assert (np.diff(found.gains) <= 0).all()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_each_row_is_told_the_taken_row_most_like_it(case: Case) -> None:
    found = found_for(case)
    taken = np.concatenate([case.start, found.order])
    if not len(taken):
        assert (found.nearest == -1).all()
        assert np.isnan(found.similarity).all()
        return
    cosines = case.vectors @ case.vectors[taken].T
    others = np.setdiff1d(np.arange(len(case.vectors)), taken)
    assert (found.nearest[taken] == taken).all()
    assert np.isin(found.nearest, taken).all()
    np.testing.assert_allclose(found.similarity[others], cosines[others].max(axis=1), atol=1e-6)
    told = (case.vectors * case.vectors[found.nearest]).sum(axis=1)
    np.testing.assert_allclose(found.similarity[others], told[others], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(2, 9))
def test_in_pieces_it_keeps_to_what_is_allowed(case: Case, block_rows: int) -> None:
    """The smallest pieces there can be, so that rows, pieces and blocks are cut in every way."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("EXACT_ROWS", 1), ("_PAIRS", 8), ("_SMALLEST_PIECE", 4)):
            patch.setattr(fl, name, value)
        found = found_for(case, block_rows=block_rows, threads=Threads(1))
    assert len(set(found.order.tolist())) == len(found.order)
    assert case.candidates[found.order].all()
    assert not np.isin(found.order, case.start).any()
    assert (np.diff(found.gains) <= 0).all()
    costs = case.terms.costs[found.order]
    assert costs[:-1].sum() < case.budget or not len(costs)
    assert np.isin(found.nearest, [-1, *case.start, *found.order]).all()


def test_similarity_is_the_cosine_never_below_zero_and_exactly_one_to_itself() -> None:
    vectors = unit(600)  # more than one strip
    found = similarities(vectors, vectors, Threads(2), np.arange(600))
    np.testing.assert_allclose(found / SCALE, np.maximum(vectors @ vectors.T, 0), atol=1e-6)
    assert (np.diag(found) == SCALE).all()
    assert found.min() == 0


def test_gains_add_up_to_the_objective_and_a_smaller_budget_is_a_prefix() -> None:
    vectors = unit(200)
    found = facility_location(vectors, 30)
    assert found.gains.sum() == pytest.approx(objective(vectors, found.order), rel=1e-6)
    fewer = facility_location(vectors, 12)
    assert fewer.order.tolist() == found.order[:12].tolist()
    rest = facility_location(vectors, 18, start=found.order[:12])
    assert rest.order.tolist() == found.order[12:].tolist()
    assert rest.nearest.tolist() == found.nearest.tolist()


def test_greedy_keeps_its_guarantee_on_a_pool_small_enough_to_try_everything() -> None:
    vectors = unit(12, 3, seed=5)
    best = max(objective(vectors, np.array(chosen)) for chosen in combinations(range(12), 3))
    found = objective(vectors, facility_location(vectors, 3).order)
    assert best * (1 - 1 / np.e) <= found <= best + 1e-6


def test_copies_of_a_row_are_chosen_once() -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32), 5, axis=0)
    found = facility_location(vectors, 20)
    assert found.order.tolist() == [0, 5, 10, 15]
    assert found.gains.tolist() == [5.0, 5.0, 5.0, 5.0]
    assert found.nearest.tolist() == np.repeat([0, 5, 10, 15], 5).tolist()


def test_a_weight_or_an_addition_moves_a_row_forward_and_a_price_back() -> None:
    vectors = unit(40)
    whole = facility_location(vectors, 40).order
    first, last = int(whole[0]), int(whole[-1])
    at_last = np.where(np.arange(40) == last, 100.0, 1.0)
    assert facility_location(vectors, 5, weights=at_last).order[0] == last
    assert facility_location(vectors, 5, additions=at_last).order[0] == last
    at_first = np.where(np.arange(40) == first, 1000.0, 1.0)
    assert facility_location(vectors, 39, prices=at_first).order.tolist().count(first) == 0


def test_a_budget_of_costs_is_reached_with_one_row_and_not_passed_before() -> None:
    vectors, costs = unit(60), np.random.default_rng(1).integers(1, 30, 60).astype(np.float64)
    found = facility_location(vectors, 100, costs=costs)
    assert costs[found.order].sum() >= 100 > costs[found.order[:-1]].sum()
    # The gain counts per unit of cost: as much coverage for less.
    free = facility_location(vectors, len(found.order))
    assert found.gains[0] * costs[found.order[0]] <= free.gains[0]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["weights", "additions"])
def test_numbers_that_break_the_bound_are_refused(name: str, bad: float) -> None:
    with pytest.raises(DataError, match=f"{name}: expected finite numbers of at least 0"):
        facility_location(unit(3), 1, **{name: np.array([1.0, bad, 1.0])})


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["costs", "prices"])
def test_costs_that_cannot_be_divided_by_are_refused(name: str, bad: float) -> None:
    with pytest.raises(DataError, match=f"{name}: expected finite numbers above 0"):
        facility_location(unit(3), 1, **{name: np.array([1.0, bad, 1.0])})


def test_an_empty_pool_no_candidates_and_an_empty_budget() -> None:
    assert facility_location(np.empty((0, 5), np.float32), 3).order.tolist() == []
    assert facility_location(unit(4), 0).nearest.tolist() == [-1] * 4
    found = facility_location(unit(4), 2, np.zeros(4, dtype=bool), start=np.array([2]))
    assert found.order.tolist() == []
    assert found.nearest.tolist() == [2] * 4


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of a few thousand rows is treated like one of a million: several pieces, each of several blocks."""
    monkeypatch.setattr(fl, "EXACT_ROWS", 256)
    monkeypatch.setattr(fl, "_PAIRS", 100_000)
    monkeypatch.setattr(fl, "_SMALLEST_PIECE", 512)


def test_rows_that_spoil_each_other_are_not_interchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of random rows of a small pool one choice in forty becomes worse where all are moved at once."""
    monkeypatch.setattr(fl, "_ROUNDS", 1)  # a second round mostly mends what the first one spoilt
    for seed in range(200):
        vectors, rows = unit(12, 4, seed), np.arange(12)
        chosen = np.sort(np.random.default_rng(seed).permutation(12)[:3])
        problem = fl._Problem(vectors, np.ones(12, dtype=bool), Terms.of(12), np.empty(0, np.int64), 12, 0)
        found = fl._interchanged(problem, fl._Matrix.of(problem, rows, chosen, Threads(1)), Threads(1))
        assert objective(vectors, found.order) >= objective(vectors, chosen) - 1e-5


@pytest.mark.parametrize("pairs", [60_000, 10**8])
def test_the_interchange_never_costs_anything_and_mostly_wins(pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fl, "EXACT_ROWS", 64)
    monkeypatch.setattr(fl, "_SMALLEST_PIECE", 128)
    monkeypatch.setattr(fl, "_PAIRS", pairs)
    won = 0
    for seed in range(40):
        vectors, reached = unit(300, 4, seed), []
        for rounds in (0, 1):
            monkeypatch.setattr(fl, "_ROUNDS", rounds)
            reached.append(facility_location(vectors, 40, block_rows=64, seed=seed).gains.sum())
        assert reached[1] >= reached[0] - 1e-9
        won += reached[1] > reached[0] + 1e-9
    assert won > 20


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize(
    ("vectors", "pairs", "least"),
    [
        (clustered(3000), 100_000, 0.99),
        (clustered(3000, 128, spread=0.05), 100_000, 0.99),
        (clustered(3000, 32, centers=400), 10**8, 0.99),  # one piece, many blocks
        # As many clusters as this in pieces as small as this: what is lost at their borders is most of the loss.
        (clustered(3000, 32, centers=400), 100_000, 0.96),
        (unit(3000, 12), 100_000, 0.96),
    ],
)
def test_pieces_cost_little_of_the_objective_and_are_far_from_random(
    vectors: np.ndarray, pairs: int, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also against apricot's "stochastic" greedy, whose objective is that of random rows."""
    monkeypatch.setattr(fl, "_PAIRS", pairs)
    found = objective(vectors, facility_location(vectors, 90, block_rows=256).order)
    monkeypatch.setattr(fl, "EXACT_ROWS", 8192)
    exact = objective(vectors, facility_location(vectors, 90).order)
    random = np.random.default_rng(0)
    at_random = np.mean([objective(vectors, random.permutation(3000)[:90]) for _ in range(2)])
    assert found > least * exact
    assert found > at_random + 0.5 * (exact - at_random)


@pytest.mark.usefixtures("in_pieces")
def test_in_pieces_scores_and_costs_count_as_in_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, random = clustered(2000), np.random.default_rng(0)
    weights, costs = random.choice([0.1, 1.0], 2000), random.integers(1, 20, 2000).astype(np.float64)
    found = facility_location(vectors, 300, weights=weights, costs=costs)
    monkeypatch.setattr(fl, "EXACT_ROWS", 8192)
    exact = facility_location(vectors, 300, weights=weights, costs=costs)
    assert costs[found.order].sum() >= 300 > costs[found.order[:-1]].sum()
    assert (np.diff(found.gains) <= 0).all()
    assert weights[found.order].mean() > weights[exact.order].mean() - 0.1
    assert costs[found.order].mean() < costs[exact.order].mean() + 1
    assert objective(vectors, found.order) > 0.97 * objective(vectors, exact.order)


@pytest.mark.usefixtures("in_pieces")
def test_in_pieces_the_result_is_the_same_on_any_number_of_threads_and_in_every_call() -> None:
    vectors, start = clustered(2000), np.array([3, 700, 1999])
    may = np.random.default_rng(0).random(2000) < 0.8
    runs = []
    for threads, algebra in ((1, 1), (2, 2), (2, 1), (4, 4)):
        with threadpool_limits(limits=algebra):
            found = facility_location(vectors, 120, may, start=start, block_rows=128, seed=7, threads=Threads(threads))
        runs.append([part.tobytes() for part in (found.order, found.gains, found.nearest, found.similarity)])
    assert all(run == runs[0] for run in runs)
    assert may[found.order].all()
    assert not np.isin(found.order, start).any()
    assert len(set(found.order.tolist())) == 120


@pytest.mark.usefixtures("in_pieces")
def test_what_a_start_covers_is_not_covered_again() -> None:
    vectors = clustered(2000, centers=30)
    first = facility_location(vectors, 40).order
    rest = facility_location(vectors, 40, start=first)
    both = objective(vectors, np.concatenate([first, rest.order]))
    assert both > 0.99 * objective(vectors, facility_location(vectors, 80).order)


@pytest.mark.usefixtures("in_pieces")
def test_in_pieces_every_distinct_row_is_found_among_thousands_of_copies() -> None:
    vectors = unit(3000, 16, seed=4, distinct=40)
    found = facility_location(vectors, 40, block_rows=128)
    assert objective(vectors, found.order) > 0.995 * len(vectors)


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize("budget", [1, 400, 1500, 5000])
def test_in_pieces_a_budget_is_filled_as_long_as_rows_add_anything(budget: int) -> None:
    vectors = unit(1500, 24)
    found = facility_location(vectors, budget, block_rows=128)
    assert len(found.order) == min(budget, 1500)


@pytest.mark.parametrize("rows", [90, 2000])
@pytest.mark.usefixtures("in_pieces")
def test_progress_counts_every_row(rows: int) -> None:
    told: list[int] = []
    facility_location(unit(rows), 10, advance=told.append)
    assert sum(told) == rows

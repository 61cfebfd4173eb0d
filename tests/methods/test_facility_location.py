"""Facility location against plain greedy that looks at every candidate every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from assets.errors import DataError
from assets.methods import facility_location as fl


def unit(rows: int, dimensions: int = 5, seed: int = 0, distinct: int | None = None) -> np.ndarray:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((distinct or rows, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[random.integers(0, distinct, rows)] if distinct else vectors


def plain_greedy(
    similarity: np.ndarray, picks: int, candidates: np.ndarray, weights: np.ndarray
) -> tuple[list[int], list[float]]:
    """Greedy without laziness, in whole numbers; the first of equal gains is the lower row."""
    covered = np.zeros(len(similarity), dtype=np.int64)
    order: list[int] = []
    gains: list[float] = []
    while len(order) < picks:
        open_rows = [v for v in range(len(similarity)) if candidates[v] and v not in order]
        gain = {v: weights[v] * int(np.maximum(similarity[v] - covered, 0).sum()) for v in open_rows}
        best = max(open_rows, key=lambda v: (gain[v], -v), default=None)
        if best is None or gain[best] <= 0:
            break
        order.append(best)
        gains.append(gain[best] / fl.SCALE)
        covered = np.maximum(covered, similarity[best])
    return order, gains


def objective(vectors: np.ndarray, chosen: np.ndarray) -> float:
    return float(np.maximum(vectors.astype(np.float64) @ vectors[chosen].T, 0).max(axis=1).sum())


def test_similarity_is_the_cosine_and_never_below_zero() -> None:
    vectors = unit(600)  # more than one strip
    found = fl.similarity(vectors)
    np.testing.assert_allclose(found / fl.SCALE, np.maximum(vectors @ vectors.T, 0), atol=1e-6)
    assert (np.diag(found) == fl.SCALE).all()
    assert found.min() == 0


def test_a_block_that_is_too_large_is_refused() -> None:
    with pytest.raises(DataError, match=r"a block of 8,193 rows: expected at most 8,192"):
        fl.similarity(np.zeros((fl.MAX_BLOCK_ROWS + 1, 1), dtype=np.float32))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 25),
    picks=st.integers(0, 30),
    seed=st.integers(0, 10_000),
    distinct=st.one_of(st.none(), st.integers(1, 5)),
    weighted=st.booleans(),
)
def test_lazy_greedy_takes_what_plain_greedy_takes(
    rows: int, picks: int, seed: int, distinct: int | None, weighted: bool
) -> None:
    random = np.random.default_rng(seed)
    similarity = fl.similarity(unit(rows, seed=seed, distinct=distinct))
    candidates = random.random(rows) < 0.7
    # A few distinct weights make ties; 0 is allowed and never chosen.
    weights = random.choice([0.0, 0.25, 0.5, 1.0], rows) if weighted else np.ones(rows)
    found = fl.lazy_greedy(similarity, picks, candidates, weights)
    order, gains = plain_greedy(similarity, picks, candidates, weights)
    assert found.order.tolist() == order
    assert found.gains.tolist() == gains
    assert (np.diff(found.gains) <= 0).all()


def test_gains_add_up_to_the_objective_and_a_smaller_budget_is_a_prefix() -> None:
    vectors = unit(200)
    found = fl.facility_location(vectors, 30)
    assert found.gains.sum() == pytest.approx(objective(vectors, found.order), rel=1e-6)
    fewer = fl.facility_location(vectors, 12)
    assert fewer.order.tolist() == found.order[:12].tolist()


def test_greedy_keeps_its_guarantee_on_a_pool_small_enough_to_try_everything() -> None:
    from itertools import combinations

    vectors = unit(12, 3, seed=5)
    best = max(objective(vectors, np.array(chosen)) for chosen in combinations(range(12), 3))
    found = objective(vectors, fl.facility_location(vectors, 3).order)
    assert best * (1 - 1 / np.e) <= found <= best + 1e-6


def test_copies_of_a_row_are_chosen_once() -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32), 5, axis=0)
    found = fl.facility_location(vectors, 20)
    assert found.order.tolist() == [0, 5, 10, 15]
    assert found.gains.tolist() == [5.0, 5.0, 5.0, 5.0]


def test_a_weight_moves_a_row_forward() -> None:
    vectors = unit(40)
    weights = np.ones(40)
    last = int(fl.facility_location(vectors, 40).order[-1])
    weights[last] = 100.0
    assert fl.facility_location(vectors, 5, weights=weights).order[0] == last


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_break_the_bound_are_refused(weight: float) -> None:
    with pytest.raises(DataError, match="weights: expected finite numbers of at least 0"):
        fl.facility_location(unit(3), 1, weights=np.array([1.0, weight, 1.0]))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(0, 120),
    block_rows=st.integers(1, 40),
    seed=st.integers(0, 1000),
    distinct=st.one_of(st.none(), st.integers(1, 3)),
)
def test_blocks_are_a_partition_of_bounded_size(rows: int, block_rows: int, seed: int, distinct: int | None) -> None:
    found = fl.blocks(unit(rows, seed=seed, distinct=distinct), block_rows, seed)
    assert all(0 < len(block) <= block_rows for block in found)
    assert all((np.diff(block) > 0).all() for block in found)
    assert sorted(np.concatenate([np.empty(0, int), *found]).tolist()) == list(range(rows))


def test_blocks_of_thousands_of_identical_rows_end() -> None:
    vectors = np.concatenate([np.repeat(unit(1), 5000, axis=0), unit(3, seed=1)])
    assert max(map(len, fl.blocks(vectors, 100, seed=0))) <= 100


def test_block_rows_below_one_are_refused() -> None:
    with pytest.raises(DataError, match="block_rows: expected at least 1, not 0"):
        fl.blocks(unit(3), 0, 0)


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 40), picks=st.integers(1, 40), block_rows=st.integers(2, 15), seed=st.integers(0, 1000))
def test_merged_blocks_are_greedy_on_the_sum_of_the_blocks(rows: int, picks: int, block_rows: int, seed: int) -> None:
    """Plain greedy over the whole pool, where rows of different blocks do not cover each other."""
    random = np.random.default_rng(seed)
    vectors = unit(rows, seed=seed, distinct=8 if seed % 2 else None)
    candidates, weights = random.random(rows) < 0.8, random.choice([0.5, 0.75, 1.0], rows)
    similarity = np.zeros((rows, rows), dtype=np.int32)
    for block in fl.blocks(vectors, block_rows, seed):
        similarity[np.ix_(block, block)] = fl.similarity(vectors[block])
    order, gains = plain_greedy(similarity, picks, candidates, weights)
    found = fl.facility_location(vectors, picks, candidates, weights, block_rows, seed)
    assert found.order.tolist() == order
    assert found.gains.tolist() == gains


def test_blocks_cost_little_of_the_objective() -> None:
    random = np.random.default_rng(0)
    vectors = unit(40, 16)[random.integers(0, 40, 1500)] + 0.15 * random.standard_normal((1500, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    whole = objective(vectors, fl.facility_location(vectors, 60, block_rows=4096).order)
    in_blocks = objective(vectors, fl.facility_location(vectors, 60, block_rows=256).order)
    at_random = objective(vectors, random.permutation(1500)[:60])
    assert in_blocks > 0.985 * whole
    assert in_blocks > at_random + 0.7 * (whole - at_random)


def test_same_seed_same_answer_whatever_the_number_of_threads() -> None:
    vectors = unit(900, 24)
    runs = []
    for threads in (1, 2, 4):
        with threadpool_limits(limits=threads):
            found = fl.facility_location(vectors, 100, block_rows=200, seed=7)
            runs.append((found.order.tobytes(), found.gains.tobytes()))
    assert runs[0] == runs[1] == runs[2]


def test_progress_counts_every_row() -> None:
    told: list[int] = []
    fl.facility_location(unit(90), 10, block_rows=20, advance=told.append)
    assert sum(told) == 90
    assert len(told) > 4


def test_an_empty_pool_and_an_empty_budget() -> None:
    assert fl.facility_location(np.empty((0, 5), np.float32), 3).order.tolist() == []
    assert fl.facility_location(unit(4), 0).order.tolist() == []

"""Interchange: at least as good as before, and nothing that it must not touch is touched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods import interchange as changing
from assets.methods.interchange import Assignment, assign, propose
from assets.methods.lazy_greedy import SCALE, similarity
from assets.methods.threads import Threads


def unit(rows: int, dimensions: int = 5, seed: int = 0, distinct: int | None = None) -> np.ndarray:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((distinct or rows, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors[random.integers(0, distinct, rows)] if distinct else vectors


def objective(vectors: np.ndarray, chosen: np.ndarray) -> float:
    return float(np.maximum(vectors.astype(np.float64) @ vectors[chosen].T, 0).max(axis=1).sum())


def assigned(vectors: np.ndarray, chosen: np.ndarray, fixed: int = 0, threads: int = 1) -> Assignment:
    """Who of all but the first `fixed` rows stands for whom, as facility location asks."""
    matrix = similarity(vectors[chosen[fixed:]], vectors, same=chosen[fixed:])
    covered = similarity(vectors[chosen[:fixed]], vectors, same=chosen[:fixed]).max(axis=0, initial=0)
    return assign(matrix, covered.astype(np.int32), Threads(threads))


def interchange(vectors: np.ndarray, chosen: np.ndarray, may: np.ndarray, fixed: int, rounds: int) -> np.ndarray:
    """Propose, and keep what is better, so many times."""
    for _ in range(rounds):
        now = assigned(vectors, chosen, fixed)
        allowed = may.copy()
        allowed[chosen[:fixed]] = False
        moved = propose(vectors, chosen[fixed:], now, allowed, SCALE)
        proposed = np.concatenate([chosen[:fixed], moved])
        if assigned(vectors, proposed, fixed).total <= now.total:
            break
        chosen = proposed
    return chosen


@settings(max_examples=150, deadline=None)
@given(
    rows=st.integers(1, 60),
    share=st.floats(0, 1),
    fixed=st.integers(0, 3),
    rounds=st.integers(0, 4),
    seed=st.integers(0, 10_000),
    distinct=st.one_of(st.none(), st.integers(1, 6)),
)
def test_the_objective_never_falls_and_only_allowed_rows_come_in(
    rows: int, share: float, fixed: int, rounds: int, seed: int, distinct: int | None
) -> None:
    vectors, random = unit(rows, seed=seed, distinct=distinct), np.random.default_rng(seed)
    chosen = random.permutation(rows)[: max(1, round(share * rows))]
    may = random.random(rows) < 0.7
    before = chosen.copy()
    found = interchange(vectors, chosen, may, fixed, rounds)
    assert objective(vectors, found) >= objective(vectors, before) - 1e-4
    assert found[:fixed].tolist() == before[:fixed].tolist()
    assert len(set(found.tolist())) == len(found) == len(before)
    assert (may[found] | np.isin(found, before)).all()
    assert chosen.tolist() == before.tolist()


@settings(max_examples=80, deadline=None)
@given(rows=st.integers(1, 60), picks=st.integers(1, 8), fixed=st.integers(0, 2), seed=st.integers(0, 1000))
def test_the_assignment_is_that_of_brute_force(rows: int, picks: int, fixed: int, seed: int) -> None:
    vectors = unit(rows, seed=seed)
    chosen = np.random.default_rng(seed).permutation(rows)[:picks]
    fixed = min(fixed, len(chosen) - 1)
    one, two = (assigned(vectors, chosen, fixed, threads) for threads in (1, 2))
    cosines = np.maximum(vectors @ vectors[chosen].T, 0)
    best = np.sort(cosines, axis=1)
    np.testing.assert_allclose(one.best / SCALE, best[:, -1], atol=1e-6)
    stands = one.place >= 0
    own = cosines[:, fixed:][np.flatnonzero(stands), one.place[stands]]
    np.testing.assert_allclose(own, best[stands, -1], atol=1e-6)
    if not fixed:
        np.testing.assert_allclose(one.second / SCALE, best[:, -2] if len(chosen) > 1 else 0, atol=1e-6)
    assert one.total / SCALE == pytest.approx(objective(vectors, chosen), rel=1e-5, abs=1e-5)
    assert (one.place == two.place).all()


def test_it_comes_closer_to_the_best_choice_than_random_rows() -> None:
    random = np.random.default_rng(0)
    middles = unit(40, 16)
    vectors = middles[random.integers(0, 40, 1500)] + 0.1 * random.standard_normal((1500, 16)).astype(np.float32)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    start = random.permutation(1500)[:60]
    one, more = (interchange(vectors, start, np.ones(1500, bool), 0, rounds) for rounds in (1, 5))
    assert objective(vectors, more) >= objective(vectors, one) > objective(vectors, start) + 5


def test_cells_too_large_to_compare_keep_their_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "_LARGEST_CELL", 10)
    vectors = np.concatenate([np.repeat(unit(1), 30, axis=0), unit(40, seed=1)])
    chosen = np.array([0, 35, 50])
    place = assigned(vectors, chosen).place
    sizes = np.bincount(place[place >= 0], minlength=3)
    found = interchange(vectors, chosen, np.ones(70, bool), 0, 1)
    assert (found[sizes > 10] == chosen[sizes > 10]).all()


def test_the_result_does_not_depend_on_threads() -> None:
    vectors = unit(5000, 24)
    runs = [assigned(vectors, np.arange(100), 5, threads) for threads in (1, 2, 4)]
    for other in runs[1:]:
        assert (other.place == runs[0].place).all()
        assert (other.second == runs[0].second).all()


def test_rows_may_fall_back_on_their_second_best_chosen_row() -> None:
    """On a circle: moved from 0 to -40 degrees, a row leaves those at 18 and 19 to the one at 40, and gains two."""
    angles = np.radians([0.0, -40.0, -41.0, 18.0, 19.0, 40.0])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    chosen = np.array([0, 5])
    now = assigned(vectors, chosen)
    assert now.place.tolist() == [0, 0, 0, 0, 0, 1]
    assert propose(vectors, chosen, now, np.ones(6, bool), SCALE).tolist() == [1, 5]

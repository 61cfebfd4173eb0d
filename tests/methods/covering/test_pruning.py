"""Pruning by likeness against rows visited one by one; and the defects of other programs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_pools import Case, cases, chains, clustered, unit

from assets.errors import DataError
from assets.methods.coverage.pruning import distinct, semdedup

TOLERANCE = 1e-6


def cosines(vectors: np.ndarray) -> np.ndarray:
    """In float64, of vectors brought to length 1; 0 for vectors of zeros."""
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    exact = np.divide(exact, lengths, out=np.zeros_like(exact), where=lengths > 0)
    return np.asarray(exact @ exact.T)


@settings(max_examples=100, deadline=None)
@given(cases(), st.sampled_from([0.3, 0.8, 1.0]), st.integers(1, 3), st.integers(0, 1000))
def test_semdedup_keeps_what_visiting_one_by_one_keeps(case: Case, threshold: float, clusters: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = len(case.vectors)
    assignment, priority = random.integers(0, clusters, rows), random.integers(0, 4, rows).astype(float)
    found = semdedup(case.vectors, assignment, priority, threshold)
    cosine = cosines(case.vectors)
    kept: list[int] = []
    for row in np.lexsort((np.arange(rows), -priority)):
        alike = [o for o in kept if assignment[o] == assignment[row] and cosine[row, o] >= threshold - TOLERANCE]
        assert found.kept[row] == (not alike)
        if alike:
            assert found.nearest[row] in alike
            assert found.similarity[row] == pytest.approx(cosine[row, found.nearest[row]], abs=1e-6)
        else:
            assert found.nearest[row] == -1
            kept.append(int(row))


def test_chains_of_paraphrases_leave_no_orphans() -> None:
    """Compared with rows that have gone themselves, only the first row of each chain of six would stay."""
    vectors = chains(200, 6, 0.93)
    found = semdedup(vectors, np.zeros(len(vectors), dtype=int), -np.arange(len(vectors), dtype=float), 0.9)
    cosine = cosines(vectors)
    gone = np.flatnonzero(~found.kept)
    assert found.kept[found.nearest[gone]].all()
    assert (cosine[gone, found.nearest[gone]] >= 0.9 - TOLERANCE).all()
    stay = cosine[np.ix_(found.kept, found.kept)] - 2 * np.eye(found.kept.sum())
    assert stay.max() < 0.9
    assert found.kept.sum() > 2 * 200


def test_of_a_pair_of_copies_one_stays() -> None:
    vectors = np.repeat(unit(50, 16), 2, axis=0)
    found = semdedup(vectors, np.zeros(100, dtype=int), np.zeros(100), 0.99)
    assert found.kept.tolist() == [True, False] * 50


def test_copies_in_different_clusters_both_stay() -> None:
    vectors = np.repeat(unit(1), 2, axis=0)
    assert semdedup(vectors, np.array([4, 7]), np.zeros(2), 0.9).kept.all()


@settings(max_examples=150, deadline=None)
@given(cases(), st.sampled_from([0.2, 0.8, 1.0]), st.integers(0, 1000))
def test_distinct_takes_what_visiting_one_by_one_takes(case: Case, threshold: float, seed: int) -> None:
    rows = len(case.vectors)
    priority = np.random.default_rng(seed).integers(-2, 3, rows).astype(float)
    found = distinct(case.vectors, priority, case.picks, threshold, case.candidates, case.start)
    cosine = cosines(case.vectors)
    taken = case.start.tolist()
    order: list[int] = []
    for row in np.lexsort((np.arange(rows), -priority)).tolist():
        if row in case.start:
            continue
        refusing = [other for other in taken if cosine[row, other] > threshold + TOLERANCE]
        if not case.candidates[row] or len(order) == case.picks:
            assert found.nearest[row] == -1
        elif refusing:
            assert found.nearest[row] in refusing
            assert found.similarity[row] == pytest.approx(cosine[row, found.nearest[row]], abs=1e-6)
        else:
            assert found.nearest[row] == row
            order.append(row)
            taken.append(row)
    assert found.order.tolist() == order
    assert found.gains.tolist() == priority[order].tolist()
    assert (found.nearest[case.start] == case.start).all()


def test_rows_are_compared_with_taken_rows_not_with_the_pool() -> None:
    """Compared with the whole pool, where every row has its own copy, nothing is ever taken."""
    vectors = np.repeat(unit(300, 32), 3, axis=0)
    found = distinct(vectors, np.zeros(900), 900)
    assert found.order.tolist() == list(range(0, 900, 3))
    assert found.nearest.tolist() == np.repeat(np.arange(0, 900, 3), 3).tolist()


def test_it_stops_at_the_budget_in_the_middle_of_a_block() -> None:
    vectors = clustered(3000, 16, centers=40, spread=0.2)
    priority = np.random.default_rng(0).random(3000)
    whole = distinct(vectors, priority, 3000, 0.98)
    part = distinct(vectors, priority, 700, 0.98)
    assert part.order.tolist() == whole.order[:700].tolist()
    assert 700 < (part.nearest >= 0).sum() < 3000
    visited = priority >= priority[part.order[-1]]
    assert ((part.nearest >= 0) == visited).all()
    assert np.isin(part.nearest[visited], part.order).all()


def test_the_result_does_not_depend_on_threads() -> None:
    vectors, priority = clustered(3000, 16, spread=0.2), np.random.default_rng(0).random(3000)
    runs = [distinct(vectors, priority, 500, 0.95, threads=threads) for threads in (1, 2, 4)]
    parts = [[part.tobytes() for part in (run.order, run.nearest, run.similarity)] for run in runs]
    assert parts[0] == parts[1] == parts[2]


def test_progress_counts_the_rows_visited() -> None:
    told: list[int] = []
    distinct(unit(2500, 16), np.zeros(2500), 2000, 0.999, advance=told.append)
    assert sum(told) == 2000
    told.clear()
    semdedup(unit(2500, 16), np.zeros(2500, dtype=int), np.zeros(2500), 0.9, advance=told.append)
    assert sum(told) == 2500


def test_arguments_that_do_not_fit_are_named() -> None:
    for threshold in (0.0, 1.1, np.nan):
        with pytest.raises(DataError, match="threshold: expected a cosine above 0, at most 1"):
            distinct(unit(3), np.zeros(3), 1, threshold)
        with pytest.raises(DataError, match="threshold: expected a cosine above 0, at most 1"):
            semdedup(unit(3), np.zeros(3, dtype=int), np.zeros(3), threshold)
    with pytest.raises(DataError, match="priority: expected finite numbers, not nan at row 2"):
        distinct(unit(3), np.array([1, 2, np.nan]), 1)
    with pytest.raises(DataError, match="2 priorities for 3 vectors: expected one a row"):
        distinct(unit(3), np.zeros(2), 1)
    with pytest.raises(DataError, match="2 clusters for 3 vectors: expected one a row"):
        semdedup(unit(3), np.zeros(2, dtype=int), np.zeros(3), 0.9)

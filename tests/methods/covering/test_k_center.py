"""k-center against plain greedy with a running minimum over all rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from threadpoolctl import threadpool_limits
from unit_pools import Case, axes, cases, check_nearest, clustered, exact_distances, unit

from assets.errors import DataError
from assets.methods.coverage import farthest
from assets.methods.coverage.k_center import k_center
from assets.methods.coverage.metrics import reach


def plain_greedy(case: Case, weighted: bool) -> tuple[list[int], list[float]]:
    squared = exact_distances(case.vectors)
    distance = np.full(len(squared), 2.0)
    for row in case.start:
        distance = np.minimum(distance, np.sqrt(squared[row]))
    open_rows = case.candidates.copy()
    open_rows[case.start] = False
    taken = list(case.start)
    order: list[int] = []
    gains: list[float] = []
    while len(order) < case.picks and open_rows.any():
        if taken or weighted:
            worth = case.weights * distance
        else:
            zero = ~case.vectors.any(axis=1)
            whole = np.column_stack([case.vectors, zero]).astype(np.float64)
            worth = np.array([float((row * whole.mean(axis=0)).sum()) for row in whole])
        best = int(np.where(open_rows, worth, -np.inf).argmax())
        order.append(best)
        gains.append(case.weights[best] * distance[best])
        taken.append(best)
        open_rows[best] = False
        distance = np.minimum(distance, np.sqrt(squared[best]))
    return order, gains


@settings(max_examples=150, deadline=None)
@given(cases())
def test_it_takes_what_plain_greedy_takes(case: Case) -> None:
    found = k_center(case.vectors, case.picks, case.candidates, case.weights, case.start)
    order, gains = plain_greedy(case, weighted=True)
    assert found.order.tolist() == order
    np.testing.assert_allclose(found.gains, gains, atol=1e-12)
    check_nearest(case, found.order, found.nearest, found.similarity)


@pytest.mark.parametrize("make", [lambda: clustered(700, 12), lambda: unit(700, 12), lambda: axes(700, 0)])
def test_it_takes_what_plain_greedy_takes_of_more_rows_than_fit_into_a_front(make: Callable[[], np.ndarray]) -> None:
    vectors = make()
    squared = exact_distances(vectors)
    found = k_center(vectors, 400, weights=np.ones(700))
    distance, order = np.full(700, 4.0), []
    for _ in range(400):
        order.append(int(distance.argmax()))
        distance = np.minimum(distance, squared[order[-1]])
        distance[order] = -1.0
    assert found.order.tolist() == order


def test_without_weights_or_a_start_the_most_typical_row_comes_first_and_is_part_of_the_result() -> None:
    vectors = np.array([[0.6, 0.8], [1, 0], [0.6, -0.8], [0, 1]], dtype=np.float32)
    found = k_center(vectors, 2)
    assert found.order.tolist() == [1, 3]
    assert found.gains.tolist() == [2.0, pytest.approx(2**0.5)]


def test_every_row_is_within_the_radius_which_is_the_gain_of_the_row_that_would_come_next() -> None:
    vectors = clustered(500, 16)
    found = k_center(vectors, 41)
    assert reach(vectors, found.order[:40]).radius == pytest.approx(found.gains[40], abs=1e-12)
    assert (np.diff(found.gains) <= 0).all()


def test_a_smaller_budget_is_a_prefix_and_a_start_goes_on_where_it_ended() -> None:
    vectors = clustered(300, 16)
    whole = k_center(vectors, 60)
    assert k_center(vectors, 25).order.tolist() == whole.order[:25].tolist()
    rest = k_center(vectors, 35, start=whole.order[:25])
    assert rest.order.tolist() == whole.order[25:].tolist()
    assert rest.nearest.tolist() == whole.nearest.tolist()


def test_copies_come_last_and_gain_exactly_nothing() -> None:
    vectors = np.repeat(unit(6, 64), 5, axis=0)
    found = k_center(vectors, 99)
    assert len(found.order) == 30
    assert sorted(found.order[:6] // 5) == list(range(6))
    assert (found.gains[6:] == 0).all()
    assert found.order[6:].tolist() == sorted(found.order[6:])


def test_the_result_does_not_depend_on_threads_nor_on_the_size_of_the_front(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = clustered(900, 24)
    runs = []
    for threads, least in ((1, 128), (2, 128), (4, 3)):
        monkeypatch.setattr(farthest, "_LEAST_FRONT", least)
        with threadpool_limits(limits=threads):
            found = k_center(vectors, 150, threads=threads)
        runs.append([part.tobytes() for part in (found.order, found.gains, found.nearest, found.similarity)])
    assert runs[0] == runs[1] == runs[2]


def test_progress_counts_every_row_taken() -> None:
    told: list[int] = []
    k_center(unit(400), 90, advance=told.append)
    assert sum(told) == 90


def test_nothing_to_choose_from_or_nothing_wanted() -> None:
    assert k_center(np.empty((0, 5), np.float32), 3).order.tolist() == []
    assert k_center(unit(4), 0).nearest.tolist() == [-1] * 4
    assert k_center(unit(4), 3, candidates=np.zeros(4, dtype=bool)).order.tolist() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": np.array([1.0, np.nan, 1.0])}, "weights: expected finite numbers of at least 0, not nan at row 1"),
        ({"weights": np.array([1.0, 1.0, -2.0])}, r"weights: expected finite .* not -2.0 at row 2"),
        ({"candidates": np.ones(2, dtype=bool)}, "2 candidates and 3 weights for 3 vectors: expected one a row"),
        ({"picks": -1}, "picks: expected at least 0, not -1"),
        ({"start": np.array([3])}, "start: expected rows from 0 to 2, not 3 to 3"),
        ({"start": np.array([1, 1])}, "start: row 1 stands 2 times; expected every row once"),
        ({"vectors": np.full((3, 5), 2.0, np.float32)}, "the vector of row 0 has length 4.472; expected 1"),
        ({"vectors": np.full((3, 5), np.nan, np.float32)}, "the vector of row 0 has length nan; expected 1"),
    ],
)
def test_arguments_that_do_not_fit_are_named(arguments: dict[str, Any], message: str) -> None:
    fitting: dict[str, Any] = {"vectors": unit(3), "picks": 1}
    with pytest.raises(DataError, match=message):
        k_center(**fitting | arguments)

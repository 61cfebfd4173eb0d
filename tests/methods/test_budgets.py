"""How far a budget reaches down a ranking, and rankings dealt into one, against doing it row by row."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.budgets import cut, deal

costs_of = st.lists(st.integers(1, 30), max_size=30)


@settings(deadline=None)
@given(costs_of, st.integers(0, 200))
def test_a_cut_takes_what_still_fits_row_by_row(costs: list[int], budget: int) -> None:
    result = cut(np.array(costs, dtype=np.int64), budget)
    left, taken = budget, []
    for cost in costs:
        taken.append(cost <= left)
        left -= cost if taken[-1] else 0
    assert result.taken.tolist() == taken
    assert result.spent == budget - left <= budget
    assert all(cost > left for cost, held in zip(costs, taken, strict=True) if not held)
    last = max((i for i, held in enumerate(taken) if held), default=-1)
    assert result.passed_over == taken[: last + 1].count(False)


def test_what_is_passed_over_is_counted() -> None:
    result = cut(np.array([50, 60, 30, 40, 20, 1]), 100)
    assert result.taken.tolist() == [True, False, True, False, True, False]
    assert (result.spent, result.passed_over) == (100, 2)


def test_rows_are_a_prefix() -> None:
    result = cut(np.ones(10, dtype=np.int64), 4)
    assert (result.taken.tolist(), result.spent, result.passed_over) == ([True] * 4 + [False] * 6, 4, 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), costs_of), max_size=5))
def test_each_next_row_is_of_the_cell_that_lags_behind_most(cells: list[tuple[int, list[int]]]) -> None:
    seats = [seats for seats, _ in cells]
    costs = [costs for _, costs in cells]
    expected = []
    turn, spent = [0] * len(cells), [0] * len(cells)
    while True:
        waiting = [c for c in range(len(cells)) if turn[c] < len(costs[c])]
        if not waiting:
            break
        key = {
            c: Fraction(2 * spent[c] + costs[c][turn[c]], 2 * seats[c]) if seats[c] else Fraction(10**9)
            for c in waiting
        }
        c = min(waiting, key=lambda c: (key[c], c))
        expected.append((c, turn[c]))
        spent[c] += costs[c][turn[c]]
        turn[c] += 1
    result = deal(np.array(seats, dtype=np.int64), [np.array(part, dtype=np.int64) for part in costs])
    assert list(zip(result.cells.tolist(), result.turns.tolist(), strict=True)) == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), min_size=1, max_size=6))
def test_every_prefix_has_about_the_shares_of_the_whole(seats: list[int]) -> None:
    result = deal(np.array(seats))
    assert sorted(result.cells.tolist()) == [c for c, count in enumerate(seats) for _ in range(count)]
    for rank in range(1, sum(seats) + 1):
        got = np.bincount(result.cells[:rank], minlength=len(seats))
        assert np.abs(got - rank * np.array(seats) / sum(seats)).max() < max(2, len(seats) / 2)


def test_webster_deals_in_the_known_order() -> None:
    result = deal(np.array([3, 1, 0, 2]))
    assert result.cells.tolist() == [0, 3, 0, 1, 3, 0]
    assert result.turns.tolist() == [0, 0, 1, 0, 1, 2]


def test_rows_without_seats_come_last() -> None:
    result = deal(np.array([0, 5]), [np.array([1, 1]), np.array([4, 4])])
    assert result.cells.tolist() == [1, 1, 0, 0]
    assert result.turns.tolist() == [0, 1, 0, 1]


def test_a_million_rows_are_dealt_in_no_time() -> None:
    seats = np.random.default_rng(0).multinomial(1_000_000, np.ones(2310) / 2310)
    start = time.process_time()
    assert len(deal(seats).cells) == 1_000_000
    assert time.process_time() - start < 3  # about 0.15 s when nothing else runs


def test_costs_and_seats_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="a row costs 0; expected at least 1"):
        cut(np.array([3, 0]), 5)
    with pytest.raises(DataError, match="a budget of -1; expected at least 0"):
        cut(np.array([3]), -1)
    with pytest.raises(DataError, match="cell 1 has -2 seats; expected at least 0"):
        deal(np.array([3, -2]))
    with pytest.raises(DataError, match="costs of 1 cells for seats of 2; expected as many"):
        deal(np.array([3, 2]), [np.array([1])])
    with pytest.raises(DataError, match="a row costs -1; expected at least 1"):
        deal(np.array([3]), [np.array([-1])])

"""Raking against plain iterative proportional fitting and against scipy's own minimum of relative entropy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.methods.quotas.raking import Sums, rake


def fitted(table: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Deming and Stephan's procedure as in a textbook."""
    for _ in range(2000):
        table = table * (rows / table.sum(1))[:, None]
        table = table * (columns / table.sum(0))[None, :]
    return table


def sums(shape: tuple[int, int], rows: np.ndarray, columns: np.ndarray) -> list[Sums]:
    first, second = np.indices(shape).reshape(2, -1)
    return [Sums(first, rows, rows), Sums(second, columns, columns)]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 5))
def test_without_bounds_it_is_iterative_proportional_fitting(seed: int, rows: int, columns: int) -> None:
    chance = np.random.default_rng(seed)
    table = chance.uniform(1, 100, (rows, columns))
    by_row, by_column = chance.uniform(1, 50, rows), chance.uniform(1, 50, columns)
    by_column *= by_row.sum() / by_column.sum()
    none, free = np.zeros(table.size), np.full(table.size, 1e9)
    raked = rake(table.ravel(), none, free, sums(table.shape, by_row, by_column))
    np.testing.assert_allclose(raked.reshape(table.shape), fitted(table, by_row, by_column), rtol=1e-5)


def test_bounds_of_cells_hold_and_what_they_refuse_goes_to_the_others_in_proportion() -> None:
    sizes = np.array([80.0, 10.0, 10.0])
    one = [Sums(np.zeros(3, dtype=np.int64), np.array([60.0]), np.array([60.0]))]
    assert rake(sizes, np.zeros(3), np.array([20.0, 90.0, 90.0]), one) == pytest.approx([20, 20, 20])
    assert rake(sizes, np.array([0.0, 30.0, 0.0]), np.full(3, 90.0), one) == pytest.approx([80 / 3, 30, 10 / 3])


def test_sums_with_room_leave_the_table_alone_until_a_bound_is_broken() -> None:
    sizes, codes = np.array([70.0, 20.0, 10.0]), np.array([0, 1, 2])
    whole = Sums(np.zeros(3, dtype=np.int64), np.array([50.0]), np.array([50.0]))
    loose = Sums(codes, np.zeros(3), np.full(3, 50.0))
    assert rake(sizes, np.zeros(3), np.full(3, 99.0), [loose, whole]) == pytest.approx([35, 10, 5])
    tight = Sums(codes, np.array([0.0, 0.0, 14.0]), np.full(3, 50.0))
    assert rake(sizes, np.zeros(3), np.full(3, 99.0), [tight, whole]) == pytest.approx([28, 8, 14], rel=1e-6)


def test_it_is_the_least_relative_entropy_within_bounds() -> None:
    from scipy.optimize import minimize

    chance = np.random.default_rng(3)
    sizes = chance.uniform(1, 50, 12)
    inside = chance.uniform(2, 10, (3, 4))
    columns = sums((3, 4), inside.sum(1), inside.sum(0))
    low, high = np.full(12, 1.0), np.full(12, inside.max() + 1)
    raked = rake(sizes, low, high, columns)
    found = minimize(
        lambda x: float(np.sum(x * np.log(x / sizes) - x)),
        inside.ravel(),
        jac=lambda x: np.log(x / sizes),
        bounds=list(zip(low, high, strict=True)),
        constraints=[
            {"type": "eq", "fun": lambda x, c=c, v=v: x[c.codes == v].sum() - c.least[v]}
            for c in columns
            for v in range(len(c.least))
        ][:-1],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    np.testing.assert_allclose(raked, found.x, atol=1e-3)


def test_nothing_is_raked_to_nothing() -> None:
    assert rake(np.zeros(0), np.zeros(0), np.zeros(0), []).shape == (0,)

"""The greedy determinantal point process against determinants that are computed in full."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_pools import Case, cases, check_nearest, clustered, unit

from assets.errors import DataError
from assets.methods.coverage.dpp import determinantal

RIDGE = 1e-3


def rise(kernel: np.ndarray, window: list[int], row: int) -> float:
    """How much the row raises the log-determinant of the kernel of the window."""
    before = np.linalg.slogdet(kernel[np.ix_(window, window)])[1] if window else 0.0
    return float(np.linalg.slogdet(kernel[np.ix_([*window, row], [*window, row])])[1] - before)


@settings(max_examples=100, deadline=None)
@given(cases(), st.one_of(st.none(), st.integers(1, 6)))
def test_each_row_raises_the_determinant_the_most_and_by_what_is_said(case: Case, window: int | None) -> None:
    found = determinantal(case.vectors, case.picks, case.candidates, case.weights, case.start, window, RIDGE)
    # The quality of rows to start from cancels out; it must only not be 0.
    quality = np.where(case.weights > 0, case.weights, 1.0)
    whole = np.column_stack([case.vectors, ~case.vectors.any(axis=1)]).astype(np.float64)
    kernel = quality[:, None] * (whole @ whole.T + RIDGE * np.eye(len(quality))) * quality
    taken, may = case.start.tolist(), case.candidates & (case.weights > 0)
    may[case.start] = False
    for row, gain in zip(found.order.tolist(), found.gains, strict=True):
        assert may[row]
        seen = taken if window is None else taken[len(taken) - min(len(taken), window - 1) :]
        assert gain == pytest.approx(rise(kernel, seen, row), abs=1e-6)
        assert gain >= max(rise(kernel, seen, other) for other in np.flatnonzero(may).tolist()) - 1e-6
        taken.append(row)
        may[row] = False
    assert len(found.order) == min(case.picks, len(found.order) + may.sum())
    check_nearest(case, found.order, found.nearest, found.similarity)


def test_copies_tie_and_the_lower_row_comes_first() -> None:
    vectors = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    found = determinantal(vectors, 6)
    assert found.order.tolist() == [0, 2, 4, 1, 3, 5]
    assert found.gains.tolist() == pytest.approx([np.log(1 + RIDGE)] * 3 + [np.log(1 + RIDGE - 1 / (1 + RIDGE))] * 3)


def test_more_rows_than_dimensions_have_finite_gains_that_never_rise() -> None:
    found = determinantal(clustered(120, 4), 100)
    assert len(found.order) == 100
    assert np.isfinite(found.gains).all()
    assert (np.diff(found.gains) <= 1e-9).all()


def test_a_window_forgets_what_lies_far_back() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    assert determinantal(vectors, 4, window=2).order.tolist() == [0, 3, 1, 4]


def test_rows_of_weight_0_are_never_taken() -> None:
    assert sorted(determinantal(unit(5), 5, weights=np.array([0, 1, 0, 1, 1.0])).order.tolist()) == [1, 3, 4]


@pytest.mark.parametrize("window", [None, 12])
def test_the_result_does_not_depend_on_threads(window: int | None) -> None:
    vectors = clustered(5000, 16)
    runs = [determinantal(vectors, 40, window=window, threads=threads) for threads in (1, 2, 4)]
    parts = [[part.tobytes() for part in (run.order, run.gains, run.nearest)] for run in runs]
    assert parts[0] == parts[1] == parts[2]


def test_a_ridge_or_a_window_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(DataError, match="ridge: expected a number above 0, not 0"):
        determinantal(unit(3), 1, ridge=0.0)
    with pytest.raises(DataError, match="window: expected at least 1, not 0"):
        determinantal(unit(3), 1, window=0)

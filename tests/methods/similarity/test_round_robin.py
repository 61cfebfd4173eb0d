"""Round-robin over target sets against a plain loop that looks at every row every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.similarity.round_robin import round_robin


def plain(scores: np.ndarray, picks: int, candidates: np.ndarray) -> list[tuple[int, int]]:
    """(row, set) in order."""
    taken: list[tuple[int, int]] = []
    idle = 0
    turn = 0
    while len(taken) < picks and idle < len(scores):
        number = turn % len(scores)
        turn += 1
        gone = {row for row, _ in taken}
        takeable = [
            row
            for row in range(scores.shape[1])
            if candidates[row] and row not in gone and not np.isnan(scores[number, row])
        ]
        if takeable:
            taken.append((max(takeable, key=lambda row: (scores[number, row], -row)), number))
            idle = 0
        else:
            idle += 1
    return taken


@given(
    sets=st.integers(1, 4), rows=st.integers(0, 12), picks=st.integers(0, 15), seed=st.integers(0, 10_000),
    all_rows=st.booleans(),
)  # fmt: skip
def test_it_takes_what_the_plain_loop_takes(sets: int, rows: int, picks: int, seed: int, all_rows: bool) -> None:
    draw = np.random.default_rng(seed)
    scores = draw.choice([0.0, 0.5, 1.0, -1.0, np.nan], (sets, rows))  # full of ties
    candidates = np.ones(rows, dtype=bool) if all_rows else draw.random(rows) < 0.7
    expected = plain(scores, picks, candidates)
    found = round_robin(scores, picks, None if all_rows else candidates)
    assert list(zip(found.ordering.order.tolist(), found.set_of.tolist(), strict=True)) == expected
    assert found.ordering.gains.tolist() == [scores[number, row] for row, number in expected]
    # A smaller budget is a prefix.
    assert (
        round_robin(scores, picks // 2, candidates).ordering.order.tolist()
        == [row for row, _ in expected][: picks // 2]
    )


def test_sets_take_turns_and_are_passed_over_when_they_have_nothing_left() -> None:
    nothing = float("nan")
    scores = np.array([[0.9, 0.8, 0.7, 0.6], [0.9, nothing, nothing, nothing], [0.1, 0.3, 0.2, 0.9]])
    found = round_robin(scores, 10)  # more than there are rows
    assert found.ordering.order.tolist() == [0, 3, 1, 2]  # the second set's only row is taken
    assert found.set_of.tolist() == [0, 2, 0, 2]
    assert found.ordering.gains.tolist() == [0.9, 0.9, 0.8, 0.2]
    assert found.ordering.nearest.tolist() == [-1] * 4
    assert np.isnan(found.ordering.similarity).all()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(DataError, match="expected one row for each target set, at least one"):
        round_robin(np.empty((0, 5)), 2)
    with pytest.raises(DataError, match="picks: expected at least 0, not -1"):
        round_robin(np.zeros((1, 5)), -1)

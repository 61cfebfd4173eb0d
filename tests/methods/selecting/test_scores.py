"""Scores: what a column becomes, what rows without a value get, and how scores are combined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.selecting.scores import Score, contributions, score, worth

NUMBERS = st.floats(-1e308, 1e308, allow_nan=False)
ROWS = ["a", "b", "c", "d", "e"]


def of(values: list[float | None], **other: Any) -> Score:
    known = np.array([value is not None for value in values])
    numbers = np.array([np.nan if value is None else value for value in values])
    return score("quality", numbers, known, ROWS[: len(values)], **other)


@pytest.mark.parametrize(
    ("values", "settings", "expected"),
    [
        ([3, 1, 2], {}, [1, 1 / 3, 2 / 3]),
        ([3, 1, 2], {"prefer": "low"}, [1 / 3, 1, 2 / 3]),
        ([5, 5, 1, 9], {}, [2.5 / 4, 2.5 / 4, 1 / 4, 1]),  # ties share the mean of their ranks
        ([7, 7], {}, [0.75, 0.75]),
        ([4], {}, [1]),
        ([2, 4, 3], {"normalise": "min_max"}, [0, 1, 0.5]),
        ([2, 4, 3], {"normalise": "min_max", "prefer": "low"}, [1, 0, 0.5]),
        ([4, 4], {"normalise": "min_max"}, [1, 1]),
        ([-1e308, 1e308, 0], {"normalise": "min_max"}, [0, 1, 0.5]),
        ([0, 5e-324], {"normalise": "min_max"}, [1, 1]),  # no number lies between them
        ([2, 0, 0.5], {"normalise": "none"}, [2, 0, 0.5]),
        ([1, None, 3, 2], {"missing": "lowest"}, [1 / 3, 1 / 3, 1, 2 / 3]),
        ([1, None, 3, 2], {"missing": "median"}, [1 / 3, 2 / 3, 1, 2 / 3]),
        ([1, None, 3, 2], {"missing": "highest"}, [1 / 3, 1, 1, 2 / 3]),
        ([1, None, 3], {"missing": "highest", "prefer": "low"}, [1, 1, 0.5]),
        ([1, None, 5], {"missing": "lowest", "normalise": "none"}, [1, 1, 5]),
    ],
)
def test_a_column_is_brought_to_its_scale(
    values: list[float | None], settings: dict[str, object], expected: list[float]
) -> None:
    found = of(values, **settings)
    assert found.values.tolist() == pytest.approx(expected)
    assert not found.left_out.any()
    assert found.filled == values.count(None)


def test_a_row_without_a_value_is_left_out_and_never_a_number() -> None:
    """DEITA's missing log-probability became the score 3.0."""
    found = of([1, None, 3, None])
    assert found.left_out.tolist() == [False, True, False, True]
    assert found.values[[0, 2]].tolist() == [0.5, 1]
    assert found.filled == 0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(NUMBERS, min_size=1, max_size=5), st.sampled_from(["rank", "min_max"]), st.sampled_from(["high", "low"])
)
def test_the_order_of_the_column_is_kept(values: list[float], normalise: str, prefer: str) -> None:
    found = of(list(values), normalise=normalise, prefer=prefer).values
    assert found.min() >= 0
    assert found.max() <= 1
    sign = 1 if prefer == "high" else -1
    for i, one in enumerate(values):
        for j, other in enumerate(values):
            assert one != other or found[i] == found[j]
            assert sign * one >= sign * other or found[i] <= found[j]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.floats(0.1, 100), st.floats(-100, 100))
def test_ranks_know_no_unit(values: list[float], scale: float, shift: float) -> None:
    scaled = [value * scale + shift for value in values]
    if len(set(scaled)) == len(set(values)):  # rounding can make ties
        assert of(list(values)).values.tolist() == of(list(scaled)).values.tolist()


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        ([1, np.nan, np.nan], {}, "column quality is nan for 2 rows, such as b; expected a number, or nothing where"),
        ([1, 2, np.inf], {}, "column quality is inf for 1 rows, such as c"),
        ([None, None], {}, "column quality: no row has a value"),
        ([None], {"missing": "median"}, "column quality: no row has a value"),
        ([1, -2, -3], {"normalise": "none"}, "column quality: -3 for c with normalise: none; expected rank or min_max"),
        ([1, 2], {"normalise": "none", "prefer": "low"}, "prefer: low with normalise: none; expected rank or min_max"),
    ],
)
def test_what_cannot_be_a_score_is_named(values: list[float | None], settings: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        of(values, **settings)


def test_names_are_safe_to_show() -> None:
    with pytest.raises(DataError) as error:
        score("bad\x1b[31m\n", np.array([np.nan]), np.array([True]), ["\x1b[2J"])
    assert str(error.value).isprintable()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), max_size=3),
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=3, max_size=3),
)
def test_contributions_multiply_or_add_up_to_what_a_row_is_worth(
    columns: list[list[float]], strengths: list[float]
) -> None:
    scores = [
        Score(f"s{i}", np.array(column), strength, np.zeros(4, dtype=bool), 0)
        for i, (column, strength) in enumerate(zip(columns, strengths, strict=False))
    ]
    product, total = contributions(scores, "product", 4), contributions(scores, "sum", 4)
    assert product.shape == total.shape == (4, len(scores))
    np.testing.assert_allclose(worth(scores, "product", 4), product.prod(axis=1))
    np.testing.assert_allclose(worth(scores, "sum", 4), total.sum(axis=1))
    for number, each in enumerate(scores):
        np.testing.assert_allclose(product[:, number], each.values**each.strength)
        np.testing.assert_allclose(total[:, number], each.values * each.strength)

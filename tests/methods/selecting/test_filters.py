"""Filters: bounds, quantiles, texts, and rows without a value."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.selecting.filters import Filtered, by_number, by_text


def numbers(values: list[float | None], keep_missing: bool = False, **bounds: float) -> Filtered:
    known = np.array([value is not None for value in values])
    found = np.array([np.nan if value is None else value for value in values])
    asked: list[Any] = [bounds.get(name) for name in ("low", "high", "low_quantile", "high_quantile")]
    return by_number("length", found, known, *asked, keep_missing)


@pytest.mark.parametrize(
    ("bounds", "passes", "said"),
    [
        ({"low": 2}, [False, True, True, True], "length at least 2"),
        ({"high": 3}, [True, True, True, False], "length at most 3"),
        ({"low": 2, "high": 3}, [False, True, True, False], "length from 2 to 3"),
        ({"low": 9, "high": 1}, [False] * 4, "length from 9 to 1"),
        ({"low_quantile": 0.75}, [False, False, False, True], "length at least 4"),
        ({"high_quantile": 0.25}, [True, False, False, False], "length at most 1"),
        ({"low_quantile": 0}, [True] * 4, "length at least 1"),
        ({"low_quantile": 1}, [False, False, False, True], "length at least 4"),
        ({"high_quantile": 1}, [True] * 4, "length at most 4"),
        ({"high_quantile": 0}, [True, False, False, False], "length at most 1"),
        ({"low": 3, "low_quantile": 0.25}, [False, False, True, True], "length at least 3"),
        ({"low_quantile": 0.25, "high_quantile": 0.75}, [False, True, True, False], "length from 2 to 3"),
    ],
)
def test_bounds_and_quantiles(bounds: dict[str, float], passes: list[bool], said: str) -> None:
    found = numbers([1, 2, 3, 4], **bounds)
    assert found.passes.tolist() == passes
    assert found.bounds == said


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(-5, 40), min_size=1, max_size=40), st.integers(0, 100))
def test_a_quantile_keeps_its_share_and_no_value_more_than_that_takes(values: list[int], percent: int) -> None:
    share = percent / 100
    upper = numbers([float(v) for v in values], low_quantile=share).passes
    lower = numbers([float(v) for v in values], high_quantile=share).passes
    array = np.array(values)
    for passes, least in ((upper, 100 - percent), (lower, percent)):
        assert 100 * passes.sum() >= least * len(values)
        edge = array[passes].min() if passes is upper else array[passes].max()
        without_edge = passes & (array != edge)
        assert 100 * without_edge.sum() < least * len(values) or not without_edge.any() or least == 0


def test_copies_of_the_quantile_all_pass() -> None:
    assert numbers([1, 5, 5, 5, 5], low_quantile=0.9).passes.tolist() == [False, True, True, True, True]


@pytest.mark.parametrize("keep", [False, True])
def test_rows_without_a_value_stay_or_go_as_asked_and_do_not_count_for_quantiles(keep: bool) -> None:
    found = numbers([1, None, 3, None], keep_missing=keep, low_quantile=0.5)
    assert found.passes.tolist() == [False, keep, True, keep]
    texts = by_text("topic", pa.array(["a", None, "b"]), ["a"], None, keep)
    assert texts.passes.tolist() == [True, keep, False]


def test_a_column_that_is_not_a_number_or_has_none_is_named() -> None:
    with pytest.raises(DataError, match="column length is NaN for 2 rows; expected numbers"):
        numbers([1, np.nan, np.nan], low=0)
    with pytest.raises(DataError, match="column length: no row has a value, and so there is no quantile"):
        numbers([None], low_quantile=0.5)
    assert numbers([None], low=1).passes.tolist() == [False]


@pytest.mark.parametrize(
    ("keep", "drop", "passes", "said"),
    [
        (["b", "a"], None, [True, True, False], "topic one of 'a', 'b'"),
        (None, ["a"], [False, True, True], "topic none of 'a'"),
        (["a", "b"], ["b"], [True, False, False], "topic one of 'a', 'b' and none of 'b'"),
        ([], None, [False] * 3, "topic one of "),
        ([f"t{i:02}" for i in range(12)], None, [False] * 3, r".* 't09' and 2 more"),
    ],
)
def test_texts(keep: list[str] | None, drop: list[str] | None, passes: list[bool], said: str) -> None:
    found = by_text("topic", pa.array(["a", "b", "c"]), keep, drop, False)
    assert found.passes.tolist() == passes
    assert re.fullmatch(said, found.bounds)


def test_what_is_asked_for_is_safe_to_show() -> None:
    found = by_text("bad\x1b[31m", pa.array(["x"]), ["\x1b[2J\n"], None, False)
    assert found.bounds.isprintable()

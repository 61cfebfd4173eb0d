"""What is said of quotas that cannot be met: by themselves, or only together."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.apportionment import Rule
from assets.methods.quotas.clashes import clash
from assets.methods.quotas.conflicts import Bound, Problem, conflict
from assets.methods.quotas.plans import Quota, plan
from assets.methods.quotas.programs import Cells, Column


def error(
    cells: Mapping[tuple[str, ...], int],
    quotas: Sequence[Quota],
    budget: int,
    required: Mapping[tuple[str, ...], int] | None = None,
    cost: int | None = None,
) -> str:
    """What is said of a pool with so many rows in each cell, of which so many must be in."""
    rows = [key for key, count in cells.items() for _ in range(count)]
    must = [i < (required or {}).get(key, 0) for key, count in cells.items() for i in range(count)]
    costs = None if cost is None else np.full(len(rows), cost)
    with pytest.raises(DataError) as caught:
        plan(quotas, [list(column) for column in zip(*rows, strict=True)], budget, None, costs, np.array(must))
    return str(caught.value)


CODE = {("code", "github"): 5000, ("code", "web"): 12, ("chat", "web"): 5000, ("prose", "github"): 3000}


def label(rule: Rule = "natural", minimum: int = 0) -> Quota:
    return Quota("label", rule, minimum, "selected_subset.quota[0]")


def source(rule: Rule = "natural", minimum: int = 0) -> Quota:
    return Quota("source", rule, minimum, "selected_subset.quota[1]")


def test_two_shares_that_clash_name_the_rows_outside_of_both() -> None:
    shares = label({"code": 0.6, "chat": 0.2, "prose": 0.2})
    assert error(CODE, [shares, source({"github": 0.3, "web": 0.7})], 1000) == (
        "selected_subset.quota[0] and selected_subset.quota[1]: label 'code' is to have 600 of 1,000 rows, but source "
        "'github' is to have 300 rows, and only 12 rows of label 'code' are outside of it: at most 312"
    )


def test_a_minimum_that_shares_leave_no_room_for() -> None:
    cells = {("code", "github"): 500, ("law", "books"): 50, ("poems", "books"): 50}
    said = error(cells, [label("natural", 30), source({"github": 0.9, "books": 0.1})], 100)
    assert said == (
        "selected_subset.quota[0] and selected_subset.quota[1]: label 'law' is to have at least 30 of 100 rows, but "
        "source 'books' is to have 10 rows, and no rows of label 'law' are outside of it: at most 10"
    )
    said = error(cells, [label("natural", 8), source({"github": 0.9, "books": 0.1})], 100)
    assert said == (
        "selected_subset.quota[0] and selected_subset.quota[1]: label 'law', 'poems' are to have at least 16 of 100 "
        "rows together, but source 'books' is to have 10 rows, and no rows of these are outside of it: at most 10"
    )


def test_values_without_a_share_are_to_have_nothing() -> None:
    said = error({("a", "x"): 9, ("b", "y"): 9}, [label("none", 1), source({"x": 1.0})], 5)
    assert "label 'b' is to have at least 1 of 5 rows, but source 'y' is to have 0 rows" in said


def test_rows_that_must_be_in_take_part_of_a_share() -> None:
    cells = {("a", "x"): 50, ("b", "x"): 50, ("b", "y"): 50}
    said = error(cells, [label("none", 4), source({"x": 0.5, "y": 0.5})], 10, {("b", "x"): 3})
    assert said.endswith(
        "label 'a' is to have at least 4 of 10 rows, but source 'x' is to have 5 rows, 3 of it taken by rows that must "
        "be in, and no rows of label 'a' are outside of it: at most 2"
    )


def test_values_of_two_columns_with_too_few_rows_of_both() -> None:
    cells = {("a", "w"): 50, ("b", "w"): 50, ("b", "x"): 5, ("c", "x"): 90, ("c", "y"): 90}
    assert error(cells, [label("none", 30), source("none", 25)], 100) == (
        "selected_subset.quota[0] and selected_subset.quota[1]: label 'a', 'b' are to have at least 60 of 100 rows "
        "together and source 'x', 'y' are to have at least 50 rows together, but only 5 rows are of both: together "
        "they need 105"
    )
    del cells["b", "x"]
    said = error(cells, [label("none", 30), source("none", 25)], 100, {("c", "w"): 0})
    assert said.endswith("at least 50 rows together, but no rows are of both: together they need 110")
    cells["c", "w"] = 8
    said = error(cells, [label("none", 25), source("none", 25)], 105, {("c", "w"): 8})
    assert said.endswith("but no rows are of both: together they need 100 beside 8 rows that must be in")


def test_three_columns_are_listed_with_what_one_can_reach() -> None:
    # Each row is of two of the values a, x and en at most, so that they cannot have more than 200 seats of 100 rows.
    cells = {("a", "x", "de"): 99, ("a", "y", "en"): 99, ("b", "x", "en"): 99, ("b", "y", "de"): 99}
    language = Quota("language", {"en": 0.7, "de": 0.3}, 0, "selected_subset.quota[2]")
    said = error(cells, [label({"a": 0.7, "b": 0.3}), source({"x": 0.7, "y": 0.3}), language], 100)
    assert said == (
        "selected_subset.quota[0] and selected_subset.quota[1] and selected_subset.quota[2]: source 'x' is to have 70 "
        "rows, label 'b' is to have 30 rows and language 'de' is to have 30 rows: these cannot hold together; if the "
        "others hold, source 'x' can have at most 60 rows"
    )


def test_tokens_are_named_as_such() -> None:
    said = error(CODE, [label({"code": 0.6, "chat": 0.4}), source({"github": 0.3, "web": 0.7})], 100_000, cost=100)
    assert said.endswith(
        "source 'web' is to have 70,000 of 100,000 tokens, but label 'chat' is to have 40,000 tokens, and only 1,200 "
        "tokens of source 'web' are outside of it: at most 41,200"
    )


def test_sums_that_hold_in_fractions_only() -> None:
    cells = {("a", "x", "u"): 9, ("a", "y", "v"): 9, ("b", "x", "v"): 9, ("b", "y", "u"): 9}
    thirds = {"b": 0.5, "a": 0.5}, {"x": 0.5, "y": 0.5}, {"u": 0.5, "v": 0.5}
    quotas = [Quota(column, rule, 0, f"q{column}") for column, rule in zip("lsg", thirds, strict=True)]
    values = [list(column) for column in zip(*(key for key, n in cells.items() for _ in range(n)), strict=True)]
    assert plan(quotas, values, 4).seats.tolist() == [1, 1, 1, 1]
    said = error(cells, quotas, 2)
    assert said == (
        "qg and ql and qs: the shares and minimums can be kept together in fractions of a row, but no way in whole "
        "rows was found; expected a budget that differs by a row or two, or a column less"
    )
    soft = [Quota(column, "equal", 0) for column in "lsg"]
    result = plan(soft, values, 2)
    assert result.seats.sum() == 2
    assert len(result.notes) == 2  # one sum is a row less and another a row more


@pytest.mark.parametrize(
    ("quota", "budget", "required", "words"),
    [
        (
            label({"code": 0.6, "law": 0.4}),
            1000,
            0,
            "label 'law' is to have 400 of 1,000 rows by its share, but only 40 can be chosen; these shares work up to "
            "a budget of 100 rows",
        ),
        (
            label({"code": 0.9, "law": 0.1, "poem": 0.1}),
            2000,
            0,
            "label 'poem' is to have 182 of 2,000 rows by its share, but only 3 can be chosen (too few of 2 other "
            "values as well); these shares work up to a budget of 33 rows",
        ),
        (
            label("equal", 5),
            1000,
            0,
            "label 'poem' is to have at least 5 rows, but only 3 can be chosen; expected a minimum of at most 3",
        ),
        (
            label("square_root", 50),
            1000,
            0,
            "label 'poem' is to have at least 50 rows, but only 3 can be chosen (too few of 1 other value as well); "
            "expected a minimum of at most 3",
        ),
        (label("none", 3), 8, 0, "at least 3 rows of each label (3 values) make 9 rows, but the budget is 8"),
        (
            label({"code": 0.99, "law": 0.01}, 2),
            100,
            0,
            "label 'law' is to have 1 of 100 rows by its share, but its minimum is 2 rows",
        ),
        (
            label({"law": 1.0}),
            10,
            2,
            "label 'code' is to have 0 of 10 rows by its share, but 2 rows of it must be in",
        ),
        (label({"code": 0.0}), 10, 0, "no label has a share above 0; expected at least one"),
        (label({"cod": 1.0}), 10, 0, "no label 'cod' in the pool; did you mean 'code'?"),
    ],
)
def test_a_quota_that_cannot_be_met_by_itself(quota: Quota, budget: int, required: int, words: str) -> None:
    cells = {("code",): 900, ("law",): 40, ("poem",): 3}
    assert error(cells, [quota], budget, {("code",): required}) == f"selected_subset.quota[0]: {words}"


def test_rows_that_must_be_in_and_cost_more_than_the_budget() -> None:
    cells = {("code",): 9}
    said = "the rows that must be in make {}, but the budget is {}"
    assert error(cells, [label()], 2, {("code",): 3}) == said.format("3 rows", 2)
    assert error(cells, [label()], 100, {("code",): 3}, cost=40) == said.format("120 tokens", 100)


def test_what_is_said_cannot_write_to_the_terminal() -> None:
    red = "\x1b[31mred\n"
    cells = {(red, "x"): 9, ("b", "y"): 9}
    said = [
        error(cells, [label({red: 1.0}), source({"y": 1.0})], 5),
        error(cells, [label({red: 1.0}), source()], 50),
        error({**cells, ("b", "x"): 9}, [label("none", 12), source()], 50),
        error({(red,): 1, ("b",): 9}, [Quota(red, {"b": 0.5, red: 0.5}, 0, "q")], 5),
        error({(red,): 1, ("b",): 9}, [Quota("l", {"c": 0.5}, 0, "q")], 5),
    ]
    assert all("\x1b" not in line and "\n" not in line and r"\x1b[31mred\n" in line for line in said)


# -- the search ------------------------------------------------------------------------------------------------------


@st.composite
def problems(draw: st.DrawFn) -> tuple[Cells, list[Column], int]:
    """Up to six cells of two columns with sums drawn at random, seldom to be had."""
    codes = draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=6, unique=True))
    high = np.array(draw(st.lists(st.integers(0, 3), min_size=len(codes), max_size=len(codes))))
    low = np.minimum(high, draw(st.lists(st.integers(0, 1), min_size=len(codes), max_size=len(codes))))
    columns = []
    for index in range(2):
        pairs = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).map(sorted), min_size=3, max_size=3))
        least, most = np.array(pairs).T
        of_cell = np.array([code[index] for code in codes])
        columns.append(Column(f"c{index}", f"q{index}", ["u", "v", "w"], of_cell, least, most))
    budget = draw(st.integers(0, 8))
    whole = np.array([budget])
    columns.append(Column("", "", [""], np.zeros(len(codes), dtype=np.int64), whole, whole))
    return Cells(high, low, high), columns, budget


def hold(cells: Cells, bounds: Sequence[Bound]) -> bool:
    """Whether any table keeps the bounds, by trying all."""
    ranges = [range(low, high + 1) for low, high in zip(cells.low.tolist(), cells.high.tolist(), strict=True)]
    for table in itertools.product(*ranges):
        sums = [(b, sum(x for x, code in zip(table, b.column.codes, strict=True) if code == b.value)) for b in bounds]
        if all(total >= b.amount if b.floor else total <= b.amount for b, total in sums):
            return True
    return False


@settings(max_examples=100, deadline=None)
@given(problems())
def test_the_bounds_named_clash_and_none_of_them_can_be_left_out(problem: tuple[Cells, list[Column], int]) -> None:
    cells, columns, budget = problem
    every = [
        Bound(column, value, 0, floor, int((column.least if floor else column.most)[value]))
        for column in columns
        for value in range(len(column.values))
        for floor in (True, False)
    ]
    assume(not hold(cells, every))
    found = conflict(Problem.of(cells, columns))
    assert not hold(cells, found)
    assert all(hold(cells, [other for other in found if other is not bound]) for bound in found)
    said = clash(cells, columns, budget, "rows")
    assert said == clash(cells, columns, budget, "rows")
    assert re.search(r"at (most|least) \d+|together they need \d+", said)


def test_hundreds_of_minimums_that_clash_with_one_share_are_found_in_seconds() -> None:
    clusters = {(f"{i:04}", "ab"[i % 2]): 10 for i in range(1000)}
    quotas = [Quota("cluster", "natural", 2, "q0"), Quota("source", {"a": 0.9, "b": 0.1}, 0, "q1")]
    start = time.process_time()
    said = error(clusters, quotas, 5000)
    assert time.process_time() - start < 15  # about 1 s when nothing else runs
    assert said.startswith("q0 and q1: cluster '0001', '0003', ")
    assert said.endswith(
        "241 more are to have at least 502 of 5,000 rows together, but source 'b' is to have 500 rows, and no rows of "
        "these are outside of it: at most 500"
    )

"""Seats by several columns at once against all tables of tiny pools, properties, and real mixtures."""

from __future__ import annotations

import csv
import gzip
import io
import random
import time
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st
from tables_by_force import Case, all_tables, asked_of, bending, bounds_of, by_value, keeps

from assets.errors import DataError
from assets.methods.apportionment import Rule, apportion
from assets.methods.quotas.plans import Plan, Quota, plan

SOFT: list[Rule] = ["natural", "equal", "square_root", "none"]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    columns = draw(st.integers(2, 3))
    values = st.sampled_from(["v0", "v1", "v2"])
    rows = draw(st.lists(st.tuples(*[values] * columns), min_size=1, max_size=10))
    flags = st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))
    share = st.sampled_from([0.0, 0.1, 0.2, 0.5])
    rules = []
    for column in range(columns):
        found = sorted({row[column] for row in rows})
        shares = st.fixed_dictionaries({found[0]: st.just(0.3)}, optional=dict.fromkeys(found[1:], share))
        rules.append(draw(st.one_of(st.sampled_from(SOFT), shares)))
    quotas = [Quota(f"c{i}", rule, draw(st.integers(0, 1)), f"quota[{i}]") for i, rule in enumerate(rules)]
    required = np.array(draw(flags)) & np.array(draw(flags)) & np.array(draw(flags))
    candidates = np.array(draw(flags)) | np.array(draw(flags))
    return Case(quotas, rows, draw(st.integers(0, len(rows))), candidates, required)


def planned(case: Case) -> Plan:
    values = [[row[i] for row in case.rows] for i in range(len(case.quotas))]
    return plan(case.quotas, values, case.budget, case.candidates, None, case.required)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_there_is_a_plan_if_and_only_if_a_table_keeps_the_hard_bounds_and_no_table_bends_less(case: Case) -> None:
    feasible = [table for table in all_tables(case) if keeps(table, bounds_of(case))]
    try:
        result = planned(case)
    except DataError:
        assert not feasible
        return
    table = dict(zip(result.names, result.seats.tolist(), strict=True))
    assert table in feasible
    least = min(bending(other, asked_of(case)) for other in feasible)
    assert bending(table, asked_of(case)) == least
    for column, quota in enumerate(case.quotas):
        assert result.by_column[quota.column] == dict(by_value(table, column))
    assert sum("because of the other quotas" in note for note in result.notes) >= (1 if least else 0)


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_rows_quotas_and_shares_does_not_matter(case: Case, chance: random.Random) -> None:
    try:
        result = planned(case)
    except DataError:
        return
    order = list(range(len(case.rows)))
    chance.shuffle(order)
    columns = list(range(len(case.quotas)))
    chance.shuffle(columns)
    quotas = [
        Quota(q.column, dict(reversed(q.rule.items())) if isinstance(q.rule, Mapping) else q.rule, q.minimum, q.setting)
        for q in (case.quotas[i] for i in columns)
    ]
    rows = [tuple(case.rows[row][column] for column in columns) for row in order]
    again = planned(Case(quotas, rows, case.budget, case.candidates[order], case.required[order]))
    seats = dict(zip(result.names, result.seats.tolist(), strict=True))
    turned = {tuple(name[column] for column in columns): seats[name] for name in result.names}
    assert dict(zip(again.names, again.seats.tolist(), strict=True)) == turned
    assert again.names == sorted(again.names)
    assert [again.names[cell] for cell in again.cells] == rows
    assert sorted(again.notes) == sorted(result.notes)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("abcd"), max_size=40),
    st.integers(0, 50),
    st.one_of(st.sampled_from(SOFT), st.just({"a": 0.5, "b": 0.25, "c": 0.25})),
)
def test_one_quota_is_an_apportionment(labels: list[str], budget: int, rule: Rule) -> None:
    counts = Counter(labels)
    if isinstance(rule, Mapping):
        rule = {name: share for name, share in rule.items() if name in counts}
        if not rule:
            return
        if any(apportion(dict.fromkeys(rule, 100), rule, budget).seats[name] > counts[name] for name in rule):
            with pytest.raises(DataError, match="by its share, but only"):
                plan([Quota("label", rule)], [labels], budget)
            return
    result = plan([Quota("label", rule)], [labels], budget)
    assert result.by_column["label"] == apportion(counts, rule, budget).seats
    assert result.names == [(name,) for name in sorted(counts)]


def test_without_a_quota_all_rows_are_one_cell() -> None:
    result = plan([], [], 5, candidates=np.array([True] * 4 + [False] * 3))
    assert (result.names, result.seats.tolist(), result.cells.tolist()) == ([()], [4], [0] * 7)
    assert result.notes == ("5 rows asked for, 4 can be chosen",)
    assert plan([], [], 3, costs=np.array([2, 2])).seats.tolist() == [3]


def pool(cells: Mapping[tuple[str, ...], int]) -> list[list[str]]:
    """The columns of a pool with so many rows in each cell."""
    rows = [key for key, count in cells.items() for _ in range(count)]
    return [list(column) for column in zip(*rows, strict=True)]


def test_two_columns_get_the_table_most_like_the_pool() -> None:
    values = pool({("code", "hub"): 600, ("code", "web"): 200, ("chat", "hub"): 100, ("chat", "web"): 300})
    result = plan([Quota("label", "equal"), Quota("source", "natural")], values, 240)
    assert result.by_column == {"label": {"chat": 120, "code": 120}, "source": {"hub": 140, "web": 100}}
    seats = dict(zip(result.names, result.seats.tolist(), strict=True))
    # Raking keeps the odds ratio of the pool: (600 x 300) / (200 x 100) = 9.
    odds = seats["code", "hub"] * seats["chat", "web"] / (seats["code", "web"] * seats["chat", "hub"])
    assert odds == pytest.approx(9, rel=0.2)
    assert result.notes == ()


def test_rules_bend_where_they_clash_as_evenly_as_they_can_and_each_is_told() -> None:
    # Each of the labels a to d stands in one source only, so that equal labels are not equal sources.
    values = pool({("a", "x"): 100, ("b", "x"): 100, ("c", "x"): 100, ("d", "y"): 100})
    result = plan([Quota("label", "equal"), Quota("source", {"x": 0.5, "y": 0.5})], values, 120)
    assert result.by_column == {"label": {"a": 20, "b": 20, "c": 20, "d": 60}, "source": {"x": 60, "y": 60}}
    assert result.notes == (
        "label 'a': 30 rows by its rule, 20 given, because of the other quotas",
        "label 'b': 30 rows by its rule, 20 given, because of the other quotas",
        "label 'c': 30 rows by its rule, 20 given, because of the other quotas",
        "label 'd': 30 rows by its rule, 60 given, because of the other quotas",
    )


def test_minimums_and_required_rows_hold_beside_shares() -> None:
    values = pool({("a", "x"): 500, ("b", "x"): 500, ("b", "y"): 10, ("c", "y"): 40})
    required = np.zeros(1050, dtype=np.bool_)
    required[500:503] = True  # three rows of b in x
    result = plan(
        [Quota("label", "natural", minimum=5), Quota("source", {"x": 0.5, "y": 0.5})], values, 60, required=required
    )
    seats = dict(zip(result.names, result.seats.tolist(), strict=True))
    assert seats["b", "x"] >= 3
    assert result.by_column["source"] == {"x": 30, "y": 30}
    assert min(result.by_column["label"].values()) >= 5


def test_required_rows_count_even_if_they_are_no_candidates() -> None:
    result = plan(
        [Quota("label", "equal")],
        [["a", "a", "b", "b"]],
        3,
        candidates=np.array([False, False, True, True]),
        required=np.array([True, False, False, False]),
    )
    assert result.by_column["label"] == {"a": 1, "b": 2}


def test_tokens_are_divided_not_rows() -> None:
    values = pool({("long", "x"): 10, ("short", "x"): 100, ("short", "y"): 100})
    costs = np.where(np.arange(210) < 10, 100, 10)
    result = plan([Quota("label", "equal"), Quota("source", {"x": 0.75, "y": 0.25})], values, 1000, costs=costs)
    assert result.by_column == {"label": {"long": 500, "short": 500}, "source": {"x": 750, "y": 250}}


def test_in_tokens_a_minimum_is_the_cost_of_the_cheapest_rows_and_those_required() -> None:
    labels = ["a"] * 5 + ["b"] * 5
    costs = np.array([50, 7, 5, 9, 60, 1000, 1000, 1000, 1000, 1000])
    required = np.arange(10) == 0
    result = plan([Quota("label", "none", minimum=3)], [labels], 3070, costs=costs, required=required)
    assert result.by_column["label"] == {"a": 70, "b": 3000}  # at least 50 + 5 + 7 for a
    words = "at least 3 rows, the cheapest, of each label .2 values. and the rows that must be in make 3,062 tokens"
    with pytest.raises(DataError, match=f"quota: {words}, but the budget is 3,061"):
        plan([Quota("label", "natural", minimum=3)], [labels], 3061, costs=costs, required=required)


def test_large_numbers_of_tokens_stay_whole_and_exact() -> None:
    chance = np.random.default_rng(0)
    values = [[f"{prefix}{i}" for i in chance.integers(0, 20, 3000)] for prefix in "lsg"]
    costs = chance.integers(1, 40_000_000, 3000)
    budget = 10_000_000_007
    result = plan([Quota("l", "equal"), Quota("s", "natural"), Quota("g", "square_root")], values, budget, costs=costs)
    assert result.seats.sum() == budget
    for name in "lsg":
        assert sum(result.by_column[name].values()) == budget
    assert max(result.by_column["l"].values()) - min(result.by_column["l"].values()) <= 1
    assert result.notes == ()


def test_thousands_of_cells_of_three_columns_take_about_a_second() -> None:
    chance = np.random.default_rng(0)
    labels = [f"l{i}" for i in np.minimum(chance.geometric(0.04, 100_000), 77)]
    sources = [f"s{i}" for i in chance.integers(0, 6, 100_000)]
    languages = [f"g{i}" for i in np.minimum(chance.geometric(0.4, 100_000), 5)]
    quotas = [Quota("label", "equal", 5), Quota("source", {"s0": 0.5, "s1": 0.5}), Quota("language", "square_root")]
    start = time.process_time()
    result = plan(quotas, [labels, sources, languages], 5_000)
    assert time.process_time() - start < 10  # about 0.5 s when nothing else runs
    assert len(result.names) > 2_000
    assert result.by_column["source"] == {"s0": 2500, "s1": 2500, "s2": 0, "s3": 0, "s4": 0, "s5": 0}


def banking() -> list[str]:
    text = gzip.decompress(shared_data("classification/banking77_train.csv.gz").read_bytes()).decode("utf-8")
    return [row["category"] for row in csv.DictReader(io.StringIO(text))]


def test_banking77_equal_by_class_and_by_the_length_of_the_label() -> None:
    labels = banking()
    size = ["long" if len(label) > 22 else "short" for label in labels]
    result = plan([Quota("label", "equal"), Quota("length", {"long": 0.3, "short": 0.7})], [labels, size], 770)
    assert result.by_column["length"] == {"long": 231, "short": 539}
    long = {label for label, of in zip(labels, size, strict=True) if of == "long"}
    seats = result.by_column["label"]
    # The shares by length are hard; within each length every class gets as much as another, to a row.
    assert sum(seats[label] for label in long) == 231
    assert max(seats.values()) <= 770
    assert sum("because of the other quotas" in note for note in result.notes) > 0


@pytest.mark.parametrize(
    ("quotas", "values", "more", "words"),
    [
        ([Quota("a", "equal")], [], {}, "1 quotas, 0 columns of values"),
        ([Quota("a", "equal"), Quota("b", "equal")], [["x"], ["y", "y"]], {}, r"rows of lengths \[1, 2\]"),
        (
            [Quota("a", "equal", 0, "q[0]"), Quota("a", "none", 1, "q[1]")],
            [["x"], ["x"]],
            {},
            r"q\[0\] and q\[1\]: both",
        ),
        ([Quota("a", "equal", 0, "q[0]")], [["x", None]], {}, r"q\[0\]: row 1 has no a; expected a value in every row"),
        ([Quota("a", "equal")], [["x"]], {"costs": np.array([0])}, "row 0 costs 0 tokens; expected at least 1"),
        ([Quota("a", "equal")], [["x"]], {"required": np.array([True, False])}, r"lengths \[1, 2\]"),
        ([Quota("a", "equal", -1, "q[0]")], [["x"]], {}, r"q\[0\]: a minimum of -1; expected at least 0 rows"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    quotas: list[Quota], values: list[list[str]], more: dict[str, np.ndarray], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        plan(quotas, values, 1, **more)
    with pytest.raises(DataError, match="a budget of -1; expected at least 0"):
        plan([], [], -1, required=np.array([False]))


def test_no_rows_are_no_cells() -> None:
    for quotas in ([], [Quota("a", "equal")], [Quota("a", "equal"), Quota("b", "natural")]):
        result = plan(quotas, [[] for _ in quotas], 5, costs=np.array([], dtype=np.int64))
        assert (result.names, result.seats.tolist(), result.cells.tolist()) == ([], [], [])
        assert result.notes

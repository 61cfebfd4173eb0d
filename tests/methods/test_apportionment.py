"""Apportionment against brute force, properties and known numbers."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.errors import DataError
from assets.methods.apportionment import Rule, Terms, apportion, counted

TREC = {"ABBR": 86, "DESC": 1162, "ENTY": 1250, "HUM": 1223, "LOC": 835, "NUM": 896}

pools = st.dictionaries(st.text(max_size=4), st.integers(0, 300), max_size=12)
budgets = st.integers(0, 3000)


def one_at_a_time(counts: dict[str, int], budget: int) -> dict[str, int]:
    """Equal seats by brute force: each seat goes to the class with room that has the fewest, ties by name."""
    seats = dict.fromkeys(sorted(counts), 0)
    for _ in range(min(budget, sum(counts.values()))):
        seats[min((name for name in seats if seats[name] < counts[name]), key=lambda name: (seats[name], name))] += 1
    return seats


@given(pools, budgets)
def test_equal_is_what_handing_out_one_row_at_a_time_gives(counts: dict[str, int], budget: int) -> None:
    assert apportion(counts, "equal", budget).seats == one_at_a_time(counts, budget)


@given(pools, budgets)
def test_natural_stays_within_one_row_of_the_exact_share_unless_a_class_had_to_be_lifted(
    counts: dict[str, int], budget: int
) -> None:
    result = apportion(counts, "natural", budget)
    total = sum(counts.values())
    assert sum(result.seats.values()) == min(budget, total)
    assert all(0 <= result.seats[name] <= counts[name] for name in counts)
    present = [name for name, count in counts.items() if count]
    if budget >= len(present):
        assert all(result.seats[name] >= 1 for name in present)
    if not result.notes:
        assert all(abs(result.seats[name] - budget * counts[name] / total) < 1 for name in present)


@given(pools, st.lists(st.integers(0, 50), min_size=12, max_size=12), budgets)
def test_shares_are_met_or_the_difference_is_told(counts: dict[str, int], parts: list[int], budget: int) -> None:
    rule = {name: part / 50 for name, part in zip(counts, parts, strict=False)}
    result = apportion(counts, rule, budget)
    available = sum(counts[name] for name, share in rule.items() if share)
    assert sum(result.seats.values()) == min(budget, available)
    assert all(result.seats[name] <= counts[name] for name in counts)
    assert not any(result.seats[name] for name, share in rule.items() if not share)
    asked = sum(rule.values())
    for name, share in rule.items():
        if not result.notes and budget:
            assert abs(result.seats[name] - budget * share / asked) < 1


@given(pools, budgets)
def test_the_order_of_the_classes_does_not_matter(counts: dict[str, int], budget: int) -> None:
    backwards = dict(reversed(list(counts.items())))
    assert apportion(counts, "natural", budget) == apportion(backwards, "natural", budget)
    assert apportion(counts, "equal", budget) == apportion(backwards, "equal", budget)


def test_what_a_class_cannot_fill_goes_to_the_others_and_is_told() -> None:
    result = apportion(TREC, "equal", 545)
    assert result.seats == {"ABBR": 86, "DESC": 92, "ENTY": 92, "HUM": 92, "LOC": 92, "NUM": 91}
    assert result.notes == ("class 'ABBR': 91 rows asked for, 86 exist; 5 given to other classes",)


def test_a_rare_class_keeps_a_row_in_a_natural_subset() -> None:
    result = apportion({"common": 9_990, "rare": 10}, "natural", 50)
    assert result.seats == {"common": 49, "rare": 1}
    assert result.notes == ("given 1 row each, though their part of 50 rows is less: 'rare'",)


def test_too_few_rows_for_the_classes_is_told() -> None:
    result = apportion(TREC, "natural", 3)
    assert sum(result.seats.values()) == 3
    assert result.notes == ("3 rows cannot cover 6 classes; none given to 'ABBR', 'LOC', 'NUM'",)


def test_overflow_goes_on_in_proportion_to_the_shares() -> None:
    result = apportion({"a": 10, "b": 500, "c": 500, "d": 500}, {"a": 0.4, "b": 0.4, "c": 0.2}, 100)
    assert result.seats == {"a": 10, "b": 60, "c": 30, "d": 0}


def test_a_budget_beyond_the_rows_takes_all_and_says_so() -> None:
    result = apportion({"a": 2, "b": 3}, {"a": 1.0}, 4)
    assert result.seats == {"a": 2, "b": 0}
    assert result.notes[0] == "4 rows asked for, 2 exist in the classes with a share"


def test_ties_go_by_name_and_shares_count_as_they_are_written() -> None:
    # As binary numbers 0.7 and 0.3 are a little too small, 0.7 by more: their halves of a row would not tie.
    assert apportion({"b": 9, "a": 9}, {"b": 0.3, "a": 0.7}, 5).seats == {"a": 4, "b": 1}


def test_a_share_of_an_unknown_class_names_it_and_the_closest() -> None:
    with pytest.raises(DataError, match="no class 'HUMM' in the pool; did you mean 'HUM'"):
        apportion(TREC, {"HUMM": 1.0}, 10)
    with pytest.raises(DataError, match="no class 'x' in the pool; its classes are 'ABBR', 'DESC'"):
        apportion(TREC, {"x": 1.0}, 10)


def test_an_unknown_class_cannot_write_to_the_terminal() -> None:
    with pytest.raises(DataError) as error:
        apportion(TREC, {"\x1b[31mred": 1.0}, 10)
    assert "\x1b" not in str(error.value)


def test_ten_thousand_classes_are_apportioned() -> None:
    counts = {f"class {i}": 1 + i % 97 for i in range(10_000)}
    assert sum(apportion(counts, "natural", 50_000).seats.values()) == 50_000


RULES: list[Rule] = ["natural", "equal", "square_root", "none"]


@given(pools, budgets)
def test_square_roots_lie_between_natural_and_equal_shares(counts: dict[str, int], budget: int) -> None:
    seats = apportion(counts, "square_root", budget).seats
    assert sum(seats.values()) == min(budget, sum(counts.values()))
    assert all(0 <= seats[name] <= counts[name] for name in counts)
    roots = {name: math.sqrt(count) for name, count in counts.items()}
    part = budget / (sum(roots.values()) or 1)
    if all(roots[name] * part <= counts[name] for name in counts):
        assert all(abs(seats[name] - roots[name] * part) < 1 for name in counts)


def test_square_roots_of_known_counts() -> None:
    counts = {"a": 100, "b": 400, "c": 900, "d": 1600}
    assert apportion(counts, "square_root", 100).seats == {"a": 10, "b": 20, "c": 30, "d": 40}
    assert apportion(counts, "natural", 300).seats == {"a": 10, "b": 40, "c": 90, "d": 160}
    assert apportion(counts, "equal", 100).seats == {"a": 25, "b": 25, "c": 25, "d": 25}


def test_no_rule_is_in_proportion_and_may_leave_a_class_out() -> None:
    assert apportion({"common": 9_990, "rare": 10}, "none", 50).seats == {"common": 50, "rare": 0}


bounded = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)).map(lambda t: (t[0], max(t[1:]), min(t[1:]))),
    min_size=1,
    max_size=4,
)


@given(bounded, st.integers(0, 30), st.sampled_from(RULES))
def test_floors_and_capacities_hold_whenever_they_can(
    classes: list[tuple[int, int, int]], budget: int, rule: Rule
) -> None:
    names = "abcd"[: len(classes)]
    counts = {name: count + cap for name, (count, cap, _) in zip(names, classes, strict=True)}
    caps = {name: cap for name, (_, cap, _) in zip(names, classes, strict=True)}
    floors = {name: floor for name, (_, _, floor) in zip(names, classes, strict=True)}
    terms = Terms(capacities=caps, floors=floors)
    rows = min(budget, sum(caps.values()))
    if sum(floors.values()) > rows:
        with pytest.raises(DataError, match=r"at least .*, but there are only .* to divide"):
            apportion(counts, rule, budget, terms)
        return
    result = apportion(counts, rule, budget, terms)
    assert sum(result.seats.values()) == rows
    assert all(floors[name] <= result.seats[name] <= caps[name] for name in names)
    backwards = dict(reversed(list(counts.items())))
    assert apportion(backwards, rule, budget, terms) == result


@given(bounded, st.integers(0, 30))
def test_with_bounds_the_seats_are_as_near_to_proportional_as_any(
    classes: list[tuple[int, int, int]], budget: int
) -> None:
    """Of all whole seats within the bounds these have the least sum of squares by weight: proportional where free."""
    names = "abcd"[: len(classes)]
    counts = {name: count + cap for name, (count, cap, _) in zip(names, classes, strict=True)}
    caps = {name: cap for name, (_, cap, _) in zip(names, classes, strict=True)}
    floors = {name: floor for name, (_, _, floor) in zip(names, classes, strict=True)}
    rows = min(budget, sum(caps.values()))
    if sum(floors.values()) > rows:
        return
    seats = apportion(counts, "equal", budget, Terms(capacities=caps, floors=floors)).seats
    ranges = [range(floors[name], caps[name] + 1) for name in names]
    squares = [sum(x * x for x in table) for table in itertools.product(*ranges) if sum(table) == rows]
    assert sum(x * x for x in seats.values()) == min(squares)


def test_a_class_is_lifted_to_its_floor_and_that_is_told() -> None:
    result = apportion({"a": 900, "b": 90, "c": 10}, "natural", 100, Terms(floors={"c": 5}))
    assert result.seats == {"a": 86, "b": 9, "c": 5}
    assert result.notes == ("given no more than they must have, though their part of 100 rows is less: 'c'",)


def test_in_tokens_a_natural_part_is_no_less_than_the_cheapest_row() -> None:
    terms = Terms(capacities={"a": 900, "b": 30}, natural_least={"a": 3, "b": 20}, unit="tokens")
    assert apportion({"a": 900, "b": 30}, "natural", 100, terms).seats == {"a": 80, "b": 20}
    assert apportion({"a": 900, "b": 30}, "natural", 15, terms).seats == {"a": 15, "b": 0}


def test_the_words_are_those_of_the_column() -> None:
    terms = Terms(capacities={"x": 3, "y": 50}, noun="source", plural="values of source", unit="tokens")
    result = apportion({"x": 40, "y": 60}, "equal", 20, terms)
    assert result.notes == ("source 'x': 10 tokens asked for, 3 can be chosen; 7 given to other values of source",)
    with pytest.raises(DataError, match="no source 'z' in the pool; its values of source are 'x', 'y'"):
        apportion({"x": 40, "y": 60}, {"z": 1.0}, 20, terms)


def test_one_row_is_a_row() -> None:
    assert (counted(1, "rows"), counted(1000, "tokens"), counted(0, "rows")) == ("1 row", "1,000 tokens", "0 rows")


@pytest.mark.parametrize("share", [-0.5, math.nan, math.inf])
def test_a_share_must_be_a_number(share: float) -> None:
    with pytest.raises(DataError, match=f"class 'HUM': a share of {share}; expected a number of at least 0"):
        apportion(TREC, {"HUM": share, "LOC": 1.0}, 10)


def test_an_unknown_rule_is_named_with_those_that_exist() -> None:
    with pytest.raises(DataError, match="'even': expected natural, equal, square_root, none or shares by class"):
        apportion(TREC, "even", 10)  # type: ignore[arg-type]

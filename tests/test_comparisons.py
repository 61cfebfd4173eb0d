"""What is compared with what, and the sentences that say what is off."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.check_params import Bias, ClassBalance
from assets.errors import DataError
from assets.methods.apportionment import apportion
from orchestration.comparisons import (
    Comparison,
    compare_classes,
    compare_to_pool,
    group_shares,
    number,
    percent,
    problems,
)

TREC = {"ABBR": 86, "DESC": 1162, "ENTY": 1250, "HUM": 1223, "LOC": 835, "NUM": 896}
FAIR = {"ABBR": 2, "DESC": 64, "ENTY": 69, "HUM": 67, "LOC": 46, "NUM": 52}
ANSI = "\x1b[31mred\x1b[0m"


def classes(subset: dict[str, int], target: Any = "auto", quota: Any = "natural") -> Comparison:
    seats = apportion(TREC, quota, sum(subset.values())).seats
    return compare_classes(TREC, subset, ClassBalance(target=target), seats)


# -- sentences -------------------------------------------------------------------------------------------------------


def test_a_fair_subset_has_no_problems() -> None:
    assert problems(classes(FAIR)) == []


def test_a_missing_class_is_named_with_its_share_of_the_pool() -> None:
    assert problems(classes({**FAIR, "ABBR": 0, "DESC": 66})) == ["class 'ABBR' is missing (1.6 % of the pool)"]


def test_the_class_that_is_furthest_off_is_named_with_both_shares_and_the_divergence() -> None:
    subset = {"ABBR": 3, "DESC": 40, "ENTY": 50, "HUM": 150, "LOC": 30, "NUM": 27}
    comparison = classes(subset)
    assert problems(comparison) == [
        f"class 'HUM' has 50.0 % of the subset, target 22.3 %; divergence {comparison.divergence:.3g} > 0.0251"
    ]
    assert comparison.divergence == pytest.approx(0.1851, abs=1e-4)


def test_many_missing_classes_are_counted_and_the_largest_named() -> None:
    pool = {f"c{i:02}": 100 + i for i in range(77)}
    subset = {"c00": 100}
    (missing, divergence) = problems(compare_classes(pool, subset, ClassBalance(target="pool")))
    assert missing == (
        "class 'c76' (1.7 % of the pool), 'c75' (1.6 % of the pool), 'c74' (1.6 % of the pool), "
        "'c73' (1.6 % of the pool), 'c72' (1.6 % of the pool) and 71 more are missing"
    )
    assert divergence.startswith("class 'c00' has 100.0 % of the subset, target 0.9 %; divergence ")


def test_a_class_that_was_not_asked_for_is_infinitely_far() -> None:
    comparison = classes({"HUM": 60, "LOC": 1}, target={"HUM": 1.0})
    assert comparison.divergence == math.inf
    assert problems(comparison)[-1] == "class 'LOC' has 1.6 % of the subset, target 0.0 %; divergence infinite > 0.01"


def test_a_class_unknown_to_the_pool_is_named() -> None:
    assert "class 'NEW': not in the pool" in problems(classes({**FAIR, "NEW": 1}))


def test_a_tiny_subset_may_stray_further_than_a_large_one() -> None:
    few, many = {"a": 7, "b": 3}, {"a": 700, "b": 300}
    pool = {"a": 5000, "b": 5000}
    settings = ClassBalance(target="pool")
    assert problems(compare_classes(pool, few, settings)) == []
    assert problems(compare_classes(pool, many, settings))


def test_names_cannot_write_to_the_terminal() -> None:
    comparison = compare_classes({ANSI: 50, "b": 50}, {"b": 50}, ClassBalance())
    assert "\x1b" not in " ".join(problems(comparison))


def test_auto_asks_for_what_the_quota_can_give() -> None:
    equal = {"ABBR": 86, "DESC": 92, "ENTY": 92, "HUM": 92, "LOC": 92, "NUM": 91}
    assert problems(classes(equal, quota="equal")) == []
    assert problems(classes(equal, quota="natural")) != []
    assert classes(equal, target="equal", quota="equal").divergence > 0


def test_without_a_quota_auto_asks_for_the_shares_of_the_pool() -> None:
    assert problems(compare_classes(TREC, FAIR, ClassBalance())) == []
    (problem,) = problems(compare_classes(TREC, dict.fromkeys(TREC, 50), ClassBalance()))
    assert problem.startswith("class 'ABBR' has 16.7 % of the subset, target 1.6 %; divergence ")


def test_only_classes_of_which_a_row_passed_the_filters_must_be_present() -> None:
    seats = {"HUM": 60, "LOC": 40, "NUM": 0}
    comparison = compare_classes(TREC, {"HUM": 60, "LOC": 40}, ClassBalance(), seats)
    assert problems(comparison) == ["class 'NUM' is missing (16.4 % of the pool)"]
    stated = compare_classes(TREC, {"HUM": 60, "LOC": 40}, ClassBalance(target={"HUM": 0.6, "LOC": 0.4}), seats)
    assert len(stated.missing) == 4


def test_a_target_for_a_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DataError, match=r"checks\.class_balance\.target: no class 'HUMM' in the pool; did you mean"):
        classes(FAIR, target={"HUMM": 1.0})


def test_a_large_group_must_be_present_and_a_small_one_need_not() -> None:
    pool, settings = {"a": 900, "b": 60, "c": 40}, Bias(tolerance=1.0)
    assert problems(compare_to_pool("source", "source", pool, {"a": 95, "b": 5}, settings)) == []
    lacking = compare_to_pool("source", "source", pool, {"a": 95, "c": 5}, settings)
    assert problems(lacking) == ["source 'b' is missing (6.0 % of the pool)"]


# -- tokens ----------------------------------------------------------------------------------------------------------

LONG = {"a": 9000, "b": 1000}  # tokens of 10 and of 90 rows


def test_tokens_are_compared_as_so_many_rows() -> None:
    pool, subset, seats = {"a": 500, "b": 500}, {"a": 10, "b": 90}, {"a": 9000, "b": 1000}
    comparison = compare_classes(pool, subset, ClassBalance(), seats, LONG)
    assert (comparison.amounts, comparison.divergence, problems(comparison)) == ({"a": 90, "b": 10}, 0.0, [])
    # The bound is that of a draw of 100 rows, not of 10,000 tokens.
    assert comparison.bound == compare_classes(pool, subset, ClassBalance(), seats).bound
    (problem,) = problems(compare_classes(pool, subset, ClassBalance(), {"a": 5000, "b": 5000}, LONG))
    assert problem.startswith("class 'a' has 90.0 % of the subset's tokens, target 50.0 %; divergence 0.368 > ")


def test_the_pool_is_counted_in_rows_whatever_the_budget_is() -> None:
    pool, subset = {"a": 100, "b": 900}, {"a": 10, "b": 90}
    assert compare_classes(pool, subset, ClassBalance(), None, LONG).divergence == 0
    assert compare_classes(pool, subset, ClassBalance(target="pool"), {"a": 1, "b": 1}, LONG).divergence == 0
    assert compare_to_pool("source", "source", pool, subset, Bias(), None, LONG).divergence == 0
    assert compare_to_pool("source", "source", pool, subset, Bias(), LONG, LONG).amounts == {"a": 90, "b": 10}
    stated = compare_classes(pool, subset, ClassBalance(target={"a": 0.9, "b": 0.1}), None, LONG)
    assert stated.divergence == 0


def test_a_group_of_hardly_any_tokens_is_present_all_the_same() -> None:
    pool, subset, tokens = {"a": 500, "b": 500}, {"a": 99, "b": 1}, {"a": 99_999, "b": 1}
    comparison = compare_classes(pool, subset, ClassBalance(), {"a": 99_999, "b": 1}, tokens)
    assert comparison.amounts == {"a": 100, "b": 0}
    assert problems(comparison) == []


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(1, 50), st.integers(1, 500)), min_size=1))
def test_scaled_tokens_are_as_many_rows_and_within_one_of_their_part(groups: dict[str, tuple[int, int]]) -> None:
    rows = {name: count for name, (count, _) in groups.items()}
    tokens = {name: count * each for name, (count, each) in groups.items()}
    total, whole = sum(rows.values()), sum(tokens.values())
    amounts = compare_classes(rows, rows, ClassBalance(), rows, tokens).amounts
    assert sum(amounts.values()) == total
    assert all(abs(amounts[name] - total * tokens[name] / whole) < 1 for name in rows)


# -- shares ----------------------------------------------------------------------------------------------------------


def test_groups_are_listed_by_their_share_of_the_pool_and_bands_by_length() -> None:
    pool, subset = {"1: 1-9": 10, "2: 10-99": 90}, {"1: 1-9": 5, "2: 10-99": 5}
    assert [row.group for row in group_shares(compare_to_pool("source", "source", pool, subset, Bias()))] == [
        "2: 10-99",
        "1: 1-9",
    ]
    bands = group_shares(compare_to_pool("length_band", "length band", pool, subset, Bias()))
    assert [(row.column, row.group, row.pool, row.subset, row.difference) for row in bands] == [
        ("length band", "1: 1-9", 0.1, 0.5, 0.4),
        ("length band", "2: 10-99", 0.9, 0.5, -0.4),
    ]


def test_shares_and_divergences_in_words() -> None:
    assert [percent(share) for share in (0.0, 0.0001, 0.0157, 1.0)] == ["0.0 %", "under 0.1 %", "1.6 %", "100.0 %"]
    assert [number(value) for value in (0.0, 0.025149, math.inf)] == ["0", "0.0251", "infinite"]

"""The sentences that say what is off and what would mend it."""

import math
from typing import Any

import pytest

from assets.errors import DataError
from assets.params import Bias, ClassBalance
from orchestration.comparisons import (
    Comparison,
    bias_remedy,
    class_remedy,
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
    return compare_classes(TREC, subset, ClassBalance(target=target), quota)


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
    (missing, divergence) = problems(compare_classes(pool, subset, ClassBalance(target="pool"), "natural"))
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
    assert problems(compare_classes(pool, few, settings, "natural")) == []
    assert problems(compare_classes(pool, many, settings, "natural"))


def test_names_cannot_write_to_the_terminal() -> None:
    comparison = compare_classes({ANSI: 50, "b": 50}, {"b": 50}, ClassBalance(), "natural")
    assert "\x1b" not in " ".join(problems(comparison))


def test_auto_asks_for_what_the_quota_can_give() -> None:
    equal = {"ABBR": 86, "DESC": 92, "ENTY": 92, "HUM": 92, "LOC": 92, "NUM": 91}
    assert problems(classes(equal, quota="equal")) == []
    assert problems(classes(equal, quota="natural")) != []
    assert classes(equal, target="equal", quota="equal").divergence > 0


def test_a_target_for_a_class_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DataError, match=r"checks\.class_balance\.target: no class 'HUMM' in the pool; did you mean"):
        classes(FAIR, target={"HUMM": 1.0})


def test_a_large_group_must_be_present_and_a_small_one_need_not() -> None:
    pool, settings = {"a": 900, "b": 60, "c": 40}, Bias(tolerance=1.0)
    assert problems(compare_to_pool("source", "source", pool, {"a": 95, "b": 5}, settings)) == []
    lacking = compare_to_pool("source", "source", pool, {"a": 95, "c": 5}, settings)
    assert problems(lacking) == ["source 'b' is missing (6.0 % of the pool)"]


# -- remedies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subset", "target", "quota", "filtered", "remedy"),
    [
        ({"HUM": 2, "ENTY": 2}, "auto", "natural", True, "raise selected_subset.budget to at least 6"),
        ({**FAIR, "ABBR": 0}, "auto", {"HUM": 1.0}, True, "give every class a share in selected_subset.quota"),
        ({**FAIR, "ABBR": 0}, "auto", "natural", True, "set selected_subset.noise_filter: false"),
        ({**FAIR, "ABBR": 0}, "auto", "natural", False, "materialize selected_subset again"),
        (dict.fromkeys(TREC, 50), "pool", "equal", True, "set selected_subset.quota: natural"),
        (FAIR, "equal", "natural", True, "set selected_subset.quota: equal"),
        ({**TREC}, "equal", "equal", True, "the pool cannot give that: lower selected_subset.budget"),
    ],
)
def test_the_setting_that_would_mend_the_balance_is_named(
    subset: dict[str, int], target: Any, quota: Any, filtered: bool, remedy: str
) -> None:
    comparison = classes(subset, target, quota)
    assert problems(comparison)
    assert class_remedy(comparison, target, quota, filtered).startswith(remedy)


def test_following_the_remedy_for_a_missing_class_brings_it_back() -> None:
    from assets.methods.balance import apportion

    assert all(apportion(TREC, "natural", 6).seats.values())


def test_the_setting_that_would_mend_a_bias_is_named() -> None:
    off = compare_to_pool("source", "source", {"a": 50, "b": 50}, {"a": 99, "b": 1}, Bias())
    assert bias_remedy([off], "equal") == "set selected_subset.quota: natural"
    remedy = bias_remedy([off], "natural")
    assert remedy == "raise selected_subset.budget, or set checks.bias.tolerance: 0.64 if this is wanted"
    accepted = compare_to_pool("source", "source", off.pool, off.subset, Bias(tolerance=0.64))
    assert problems(accepted) == []


def test_a_group_that_the_pool_does_not_have_is_mended_by_selecting_again() -> None:
    stale = compare_to_pool("source", "source", {"a": 50, "b": 50}, {"a": 50, "b": 49, "gone": 1}, Bias())
    assert problems(stale) == ["source 'gone': not in the pool"]
    assert bias_remedy([stale], "equal") == bias_remedy([stale], "natural") == "materialize selected_subset again"
    # Also where the quota is one of sources, of which the classes know nothing.
    unlabelled = compare_classes({"(no label)": 9}, {"x": 3}, ClassBalance(target="pool"), {"books": 1.0})
    assert class_remedy(unlabelled, "auto", {"books": 1.0}, True) == "materialize selected_subset again"


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

"""The suites on good and bad data, run by Great Expectations itself, and the sentences that say what is off."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assets import tables
from assets.errors import DataError
from assets.params import Bias, ClassBalance
from orchestration import expectations
from orchestration.expectations import Comparison, bias_remedy, class_remedy, compare_classes, compare_to_pool, problems

TREC = {"ABBR": 86, "DESC": 1162, "ENTY": 1250, "HUM": 1223, "LOC": 835, "NUM": 896}
FAIR = {"ABBR": 2, "DESC": 64, "ENTY": 69, "HUM": 67, "LOC": 46, "NUM": 52}
SCRIPT = "<script>alert(1)</script>"
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


# -- Great Expectations ----------------------------------------------------------------------------------------------

COLUMNS = ["rank", "id", "gain", "messages", "label", "n_messages"]


def records(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "rank": range(1, rows + 1),
            "id": [tables.record_id([{"role": "user", "content": str(i)}], None) for i in range(rows)],
            "gain": [1.0] * rows,
            "messages": ["assistant,user"] * rows,
            "label": ["a"] * rows,
            "n_messages": [2] * rows,
        }
    )


def validated(frame: pd.DataFrame, rows: int, compared: list[Comparison], docs: Path) -> dict[str, Any]:
    suites = {
        "record_schema": expectations.record_schema_suite(COLUMNS, rows),
        "class_balance": expectations.class_balance_suite(compared[0]),
        "bias": expectations.bias_suite(compared),
    }
    return expectations.validate(frame, suites, docs)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    frame = records(20)
    comparison = compare_classes({"a": 200}, {"a": 20}, ClassBalance(), "natural")
    return validated(frame, 20, [comparison], tmp_path_factory.mktemp("docs") / "good")


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    frame = records(20)
    frame.loc[0, "id"] = frame.loc[1, "id"]
    frame.loc[2, "id"] = "not an id"
    frame.loc[3, "id"] = None
    frame.loc[4, "rank"] = 21
    frame.loc[5, "gain"] = math.nan
    frame.loc[6, "n_messages"] = 0
    frame.loc[6, "messages"] = ""
    frame.loc[7, "messages"] = expectations.harmless(f"user,{SCRIPT}")
    labels = [SCRIPT] * 12 + [ANSI] * 4 + ["$value {{7*7}}"] * 4
    comparison = compare_classes(
        {SCRIPT: 10, ANSI: 100, "a": 90, "$value {{7*7}}": 10}, Counter(labels), ClassBalance(), "natural"
    )
    frame["label"] = [comparison.shown[label] for label in labels]
    docs = tmp_path_factory.mktemp("docs") / "bad"
    docs.mkdir()
    (docs / "old.html").write_text("old")
    results = validated(frame[[*COLUMNS[1:], "rank"]], 21, [comparison], docs)
    assert not (docs / "old.html").exists()
    return results, "".join(page.read_text(encoding="utf-8") for page in docs.rglob("*.html"))


def test_good_data_meets_every_expectation(good: dict[str, Any]) -> None:
    assert {name: result.success for name, result in good.items()} == dict.fromkeys(
        ("record_schema", "class_balance", "bias"), True
    )
    assert expectations.record_problems(good["record_schema"]) == []


def test_each_fault_of_the_records_is_counted(bad: tuple[dict[str, Any], str]) -> None:
    assert expectations.record_problems(bad[0]["record_schema"]) == [
        "1 row with a role other than system, user, assistant, tool",
        "1 row with an id not of 32 hex digits",
        "1 row without a gain",
        "1 row without an id",
        "1 row without messages",
        "2 rows with an id that is not unique",
        "20 rows, 21 expected",
        "columns in another order than rank, id, gain, messages, label, n_messages",
    ]


def test_great_expectations_and_the_sentences_agree(bad: tuple[dict[str, Any], str]) -> None:
    failed = {config.type for config, _ in expectations.failures(bad[0]["class_balance"])}
    assert failed == {
        "expect_column_kl_divergence_to_be_less_than",
        "expect_column_distinct_values_to_contain_set",
    }
    assert not bad[0]["bias"].success


def test_data_docs_do_not_run_what_a_label_says(bad: tuple[dict[str, Any], str]) -> None:
    pages = bad[1]
    assert "alert(1)" in pages  # it is shown
    assert SCRIPT not in pages
    assert "\x1b" not in pages
    assert "&#36;value {{7*7}}" in pages


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    frame = records(5).drop(columns="gain")
    suite = expectations.record_schema_suite(COLUMNS, 5)
    result = expectations.validate(frame, {"record_schema": suite}, tmp_path / "docs")["record_schema"]
    assert not result.success
    assert expectations.record_problems(result) == [
        "column 'gain' could not be checked",
        "column 'gain' missing",
    ]


def test_names_that_would_look_the_same_stay_apart() -> None:
    long = "x" * 300
    shown = expectations.for_docs([long + "a", long + "b", "c"])
    assert len(set(shown.values())) == 3

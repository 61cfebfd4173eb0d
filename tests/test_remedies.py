"""The settings that would mend what is off, and the reasons for which something off blocks nothing."""

from typing import Any, get_args

import pytest

from assets import params
from assets.check_params import Bias, ClassBalance
from assets.methods.apportionment import apportion
from assets.selection_params import PRESETS, Method, SelectedSubset
from orchestration.comparisons import Comparison, compare_classes, compare_to_pool, problems
from orchestration.remedies import bias_remedy, class_remedy, why_bias_only_warns, why_classes_only_warn

TREC = {"ABBR": 86, "DESC": 1162, "ENTY": 1250, "HUM": 1223, "LOC": 835, "NUM": 896}
FAIR = {"ABBR": 2, "DESC": 64, "ENTY": 69, "HUM": 67, "LOC": 46, "NUM": 52}
LACKING = {**FAIR, "ABBR": 0}
ALIKE = "targets: {questions: [q.jsonl]}, preset: "


def settings(text: str = "") -> SelectedSubset:
    return params.parse(f"selected_subset: {{{text}}}").selected_subset


def off(subset: dict[str, int], target: Any, seats: dict[str, int] | None) -> Comparison:
    return compare_classes(TREC, subset, ClassBalance(target=target), seats)


@pytest.mark.parametrize(
    ("subset", "target", "text", "seats", "remedy"),
    [
        ({"HUM": 2, "ENTY": 2}, "auto", "", "natural", "raise selected_subset.budget to at least 6"),
        ({"HUM": 2, "ENTY": 2}, "auto", "budget: {tokens: 90}", "natural", "raise selected_subset.budget.tokens"),
        (LACKING, "auto", "quota: {HUM: 1.0}", {"HUM": 1.0}, "give every class a share in selected_subset.quota"),
        (LACKING, "auto", "", "natural", "materialize selected_subset again"),
        (
            LACKING, "auto", "coverage: distinct, scores: [length]", "natural",
            "raise selected_subset.coverage.max_similarity: rows that are too alike leave seats empty",
        ),
        (
            LACKING, "auto", "scores: [entropy]", {**FAIR, "ABBR": 0},
            "set missing: lowest for selected_subset.scores",
        ),
        (
            LACKING, "auto", "quota: [square_root]", {**FAIR, "ABBR": 0},
            "give the classes a minimum of 1 in selected_subset.quota",
        ),
        (LACKING, "auto", "quota: none", None, "set selected_subset.quota: natural"),
        (
            LACKING, "auto", "quota: {by: source}", None,
            "add a quota by class to selected_subset.quota, its rule natural",
        ),
        (
            LACKING, "pool", "filters: [{column: label, drop: ABBR}]", {"DESC": 1, "HUM": 1},
            "let some of its rows pass selected_subset.filters",
        ),
        (dict.fromkeys(TREC, 50), "pool", "quota: equal", "equal", "set selected_subset.quota: natural"),
        (dict.fromkeys(TREC, 50), "auto", "quota: none", None, "set selected_subset.quota: natural"),
        (FAIR, "equal", "", "natural", "set selected_subset.quota: equal"),
        (
            FAIR, "equal", "quota: [{by: class}, {by: source}]", "natural",
            "set the rule of the classes in selected_subset.quota to equal",
        ),
        (
            FAIR, {"HUM": 0.5, **dict.fromkeys(["ABBR", "DESC", "ENTY", "LOC", "NUM"], 0.1)}, "", "natural",
            "set selected_subset.quota: the shares of checks.class_balance.target",
        ),
        ({**TREC}, "equal", "quota: equal", "equal", "the pool cannot give that: lower selected_subset.budget"),
    ],
)  # fmt: skip
def test_the_setting_that_would_mend_the_balance_is_named(
    subset: dict[str, int], target: Any, text: str, seats: Any, remedy: str
) -> None:
    is_rule = isinstance(seats, str) or (isinstance(seats, dict) and isinstance(next(iter(seats.values())), float))
    given = apportion(TREC, seats, sum(subset.values())).seats if is_rule else seats
    comparison = off(subset, target, given)
    assert problems(comparison)
    assert class_remedy(comparison, target, settings(text.replace("[square_root]", "square_root")), given).startswith(
        remedy
    )


def test_following_the_remedy_for_a_missing_class_brings_it_back() -> None:
    assert all(apportion(TREC, "natural", 6).seats.values())


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("quota: equal", "set selected_subset.quota: natural"),
        ("quota: [{by: class}, {by: source, rule: square_root}]", "set selected_subset.quota: natural"),
        ("preset: random", "set selected_subset.quota: natural"),
        ("coverage: k_center", "set selected_subset.coverage: facility_location"),
        ("filters: [{column: length, min: 3}]", "widen selected_subset.filters"),
        ("scores: [entropy, random, length]", "lower the strength of 'entropy' and 'length' in selected_subset.scores"),
        ("budget: {tokens: 9}", "set selected_subset.budget.strength: 0"),
        ("budget: {tokens: 9, strength: 0}", "raise selected_subset.budget.tokens"),
        ("", "raise selected_subset.budget"),
    ],
)
def test_the_setting_that_would_mend_a_bias_is_named(text: str, remedy: str) -> None:
    biased = compare_to_pool("source", "source", {"a": 50, "b": 50}, {"a": 99, "b": 1}, Bias())
    accepted = ", or set checks.bias.tolerance: 0.64 if this is wanted"
    assert bias_remedy([biased], settings(text)) in (remedy, remedy + accepted)
    if remedy != "set selected_subset.quota: natural":
        assert bias_remedy([biased], settings(text)).endswith(accepted)
        lacking = compare_to_pool("source", "source", {"a": 50, "b": 50}, {"a": 99}, Bias())
        assert bias_remedy([lacking], settings(text)) == remedy


def test_short_rows_taken_by_gain_per_token_are_mended_by_its_strength_whatever_else_is_asked() -> None:
    bands = compare_to_pool("length_band", "length band", {"a": 50, "b": 50}, {"a": 99, "b": 1}, Bias())
    asked = "budget: {tokens: 9}, quota: {by: source, rule: equal}, scores: [length]"
    assert bias_remedy([bands], settings(asked)) == "set selected_subset.budget.strength: 0"
    others = "budget: {tokens: 9, strength: 0}, quota: {by: source, rule: equal}"
    assert bias_remedy([bands], settings(others)) == "set selected_subset.quota: natural"


def test_accepting_a_bias_as_said_lets_it_pass() -> None:
    accepted = compare_to_pool("source", "source", {"a": 50, "b": 50}, {"a": 99, "b": 1}, Bias(tolerance=0.64))
    assert problems(accepted) == []


def test_a_group_that_the_pool_does_not_have_is_mended_by_selecting_again() -> None:
    stale = compare_to_pool("source", "source", {"a": 50, "b": 50}, {"a": 50, "b": 49, "gone": 1}, Bias())
    assert problems(stale) == ["source 'gone': not in the pool"]
    for text in ("", "quota: equal"):
        assert bias_remedy([stale], settings(text)) == "materialize selected_subset again"
    # Also where the quota is one of sources, of which the classes know nothing.
    unlabelled = compare_classes({"(no label)": 9}, {"x": 3}, ClassBalance(target="pool"))
    text = "quota: {books: 1.0}"
    assert class_remedy(unlabelled, "auto", settings(text), None) == "materialize selected_subset again"


# -- warnings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("preset: random", "no quota"),
        (f"{ALIKE} similarity", "coverage: round_robin and no quota"),
        ("preset: uncertainty", "rows by 'entropy' and no quota"),
        ("budget: {tokens: 9}, filters: [{column: length, min: 3}]", "a budget in tokens and rows that pass filters"),
        ('scores: ["\\e[31m", {column: margin, prefer: low}]', "rows by '\\x1b[31m' and 'margin'"),
    ],
)
def test_a_warning_names_what_was_asked_for(text: str, asked: str) -> None:
    said = why_bias_only_warns(settings(text))
    assert said == f"a warning only, which blocks nothing: selected_subset asks for {asked}"


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_named_is_what_likeness_is_not_asked_for_by(preset: str) -> None:
    parts = [
        "budget: {tokens: 9}", "quota: natural", "quota: none", "filters: [{column: length, min: 3}]",
        "scores: [random]", "scores: [entropy]", *(f"coverage: {method}" for method in get_args(Method)),
    ]  # fmt: skip
    for part in ["", *parts]:
        if part == "coverage: scores" and not PRESETS[preset].get("scores"):
            continue
        found = settings(f"{ALIKE} {preset}, {part}")
        names_nothing = why_bias_only_warns(found).endswith("asks for rows unlike the pool's")
        assert found.asks_for_likeness == names_nothing, (preset, part)


def test_classes_that_no_quota_speaks_of_are_not_owed() -> None:
    assert why_classes_only_warn(settings("quota: none")).endswith(
        "blocks nothing: selected_subset.quota is none, and checks.class_balance.target is auto"
    )
    assert "gives no shares to the classes, but to source and lang" in why_classes_only_warn(
        settings("quota: [{by: source}, {by: lang}]")
    )

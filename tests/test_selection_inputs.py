"""From settings and tables to what the optimiser takes: the pool after the filters, scores, quotas and the budget."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selections import columns, gathered, make, texts_pool
from subsets import Row, pool_rows

from assets import params
from assets.errors import DataError, PickwiseError
from assets.selection_inputs import Inputs, Previous, resolve_budget
from assets.selection_params import TokenBudget
from assets.workspace import Workspace

LABELS = ["sport", "sport", "politics", "sport", "politics", None]


@pytest.fixture
def rows() -> list[Row]:
    return pool_rows(LABELS, [{"quality": str(number)} for number in range(5)] + [{}])


def settings(text: str) -> str:
    return f"selected_subset: {{{text}}}"


def inputs(root: Path, rows: list[Row], text: str, **more: Any) -> Inputs:
    return gathered(make(root, rows, settings(text), **more))


def refused(root: Path, rows: list[Row], text: str, **more: Any) -> str:
    with pytest.raises(PickwiseError) as caught:
        inputs(root, rows, text, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- budgets ---------------------------------------------------------------------------------------------------------


@given(st.floats(0.0001, 1.0), st.integers(1, 10_000))
def test_a_share_of_the_pool_is_rounded_but_never_to_nothing(share: float, rows: int) -> None:
    budget = resolve_budget(share, rows, rows)
    assert 1 <= budget <= rows
    assert abs(budget - share * rows) <= 0.5 or budget == 1


def test_more_rows_than_there_are_is_refused_with_both_numbers() -> None:
    assert resolve_budget(7, 7, 7) == 7
    with pytest.raises(
        DataError, match=r"selected_subset\.budget: 8 rows asked for, but the cleaned pool has 7; expec"
    ):
        resolve_budget(8, 7, 7)


def test_a_share_is_of_the_whole_pool_and_must_pass_the_filters() -> None:
    assert resolve_budget(0.5, 10, 5) == 5
    with pytest.raises(DataError, match=r"6 rows asked for, but the cleaned pool has 10, of which 5 pass the filters"):
        resolve_budget(0.6, 10, 5)


def test_tokens_must_be_there_and_buy_at_least_one_row() -> None:
    tokens = np.array([5, 9, 7])
    assert resolve_budget(TokenBudget(tokens=21), 3, 3, tokens) == 21
    with pytest.raises(DataError, match=r"selected_subset\.budget\.tokens: 22 asked for, but the 3 rows .* have 21"):
        resolve_budget(TokenBudget(tokens=22), 3, 3, tokens)
    with pytest.raises(DataError, match=r"4 asked for, but the 3 rows to choose from have at least 5 each"):
        resolve_budget(TokenBudget(tokens=4), 3, 3, tokens)


def test_a_budget_of_tokens_gives_each_row_its_cost(tmp_path: Path) -> None:
    texts = ["one two three", "one", "one two", "one two three four"]
    found = inputs(tmp_path, texts_pool(texts), "budget: {tokens: 5, tokenizer: words, strength: 0.5}, preset: random")
    assert found.pool.costs is not None
    assert found.pool.costs.tolist() == [3, 1, 2, 4]
    assert found.tokens is not None
    assert (found.wanted.budget, found.wanted.cost_strength) == (5, 0.5)


def test_a_budget_that_the_filters_leave_no_rows_for(tmp_path: Path, rows: list[Row]) -> None:
    few = "filters: [{column: label, keep: [politics]}]"
    assert refused(tmp_path / "a", rows, f"budget: 3, {few}") == (
        "selected_subset.budget: 3 rows asked for, but the cleaned pool has 6, of which 2 pass the filters; "
        "expected at most 2, or a share such as 0.1"
    )
    texts = texts_pool(["one", "one two", "one two three four"], "x")
    said = refused(
        tmp_path / "b",
        texts,
        "budget: {tokens: 7, tokenizer: words}, filters: [{column: tokens, max: 3}]",
    )
    assert said == "selected_subset.budget.tokens: 7 asked for, but the 2 rows to choose from have 3"


# -- filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        ("{column: quality, min: 2}", [2, 3, 4]),
        ("{column: quality, min: 2, missing: keep}", [2, 3, 4, 5]),
        ("{column: quality, max: 1.5}", [0, 1]),
        ("{column: quality, min: 1, max: 3}", [1, 2, 3]),
        ("{column: entropy, min: 0.2, max: 0.4}", [2, 3, 4]),
        ("{column: distance, max_quantile: 0.5}", [0, 1, 2]),
        ("{column: distance, min_quantile: 0.8}", [4, 5]),
        ("{column: label, keep: [sport]}", [0, 1, 3]),
        ("{column: label, drop: sport}", [2, 4]),
        ("{column: label, drop: sport, missing: keep}", [2, 4, 5]),
        ("{column: cluster, keep: ['0', '2']}", [0, 2, 3, 5]),
        ("{column: source, drop: [books]}", [3, 4, 5]),
        ("{column: class, keep: [politics]}", [2, 4]),
        ("{column: quality, min: 1}, {column: label, keep: [sport]}", [1, 3]),
    ],
)
def test_filters_say_who_may_be_chosen_at_all(tmp_path: Path, rows: list[Row], filters: str, kept: list[int]) -> None:
    found = inputs(tmp_path, rows, f"budget: 1, filters: [{filters}]")
    assert found.rows.tolist() == kept
    assert set(found.removed) == set(range(6)) - set(kept)
    assert found.pool.ids == [rows[row]["id"] for row in kept]
    assert len(found.pool.vectors) == len(kept)
    assert all(len(values) == len(kept) for values in found.wanted.values)


def test_a_row_is_out_for_the_first_filter_that_it_fails(tmp_path: Path, rows: list[Row]) -> None:
    found = inputs(tmp_path, rows, "budget: 1, filters: [{column: quality, min: 1}, {column: label, keep: [sport]}]")
    assert found.removed[0] == ("filter", "quality at least 1 was asked for, and it has 0")
    assert found.removed[2] == ("filter", "label one of 'sport' was asked for, and it has 'politics'")
    assert found.removed[5] == ("filter", "quality at least 1 was asked for, and it has nothing")


def test_filters_that_nothing_passes_name_the_setting(tmp_path: Path, rows: list[Row]) -> None:
    said = refused(tmp_path, rows, "filters: [{column: length, min: 100000}]")
    assert said.startswith("selected_subset.filters: no row of 6 passes")
    assert "length" in said


# -- columns that are not what they should be ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("scores: [entropie]", "selected_subset.scores[0].column: no column 'entropie'; did you mean 'entropy'?"),
        ("scores: [entropy, qualty]", "selected_subset.scores[1].column: no column 'qualty'; did you mean 'quality'?"),
        ("filters: [{column: lenght, min: 3}]", "selected_subset.filters[0].column: no column 'lenght'; did you mean"),
        ("filters: [{column: sorce, keep: [a]}]", "selected_subset.filters[0].column: no column 'sorce'; did you mean"),
        ("quota: [{by: class}, {by: qualty}]", "selected_subset.quota[1]"),
        ("quota: [{by: class}, {by: qualty}]", "no column 'qualty'; did you mean 'quality'?"),
        ("scores: [similarity.questions]", "no column 'similarity.questions'"),
        ("scores: [tokens]", "no column 'tokens'"),  # which are counted for a budget in tokens only
        ("filters: [{column: source, min: 3}]", "selected_subset.filters[0].column: "),
    ],
)
def test_an_unknown_column_names_the_setting_and_the_closest(
    tmp_path: Path, rows: list[Row], text: str, line: str
) -> None:
    assert line in refused(tmp_path, rows, text)


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity"])
def test_a_score_that_is_no_number_names_column_and_row(tmp_path: Path, rows: list[Row], value: str) -> None:
    rows[3]["attributes"] = [("quality", value)]
    said = refused(tmp_path, rows, "budget: 2, scores: [quality]")
    assert said.startswith("selected_subset.scores[0]: column quality is ")
    assert rows[3]["id"] in said
    assert "1 rows" in said


def test_nan_does_not_pass_a_filter_as_if_it_were_a_number(tmp_path: Path, rows: list[Row]) -> None:
    rows[3]["attributes"] = [("quality", "nan")]
    said = refused(tmp_path, rows, "budget: 2, filters: [{column: quality, min: 1}]")
    assert said.startswith("selected_subset.filters[0]: column quality is NaN for 1 rows")


def test_a_text_in_a_column_of_numbers_is_shown(tmp_path: Path, rows: list[Row]) -> None:
    rows[3]["attributes"] = [("quality", "good\x1b[0m")]
    said = refused(tmp_path, rows, "scores: [quality]")
    assert said.startswith(
        r"selected_subset.scores[0].column: column 'quality' holds 'good\x1b[0m', which is no number"
    )


def test_a_score_that_no_row_has_is_refused_unless_the_preset_named_it(tmp_path: Path, rows: list[Row]) -> None:
    nothing: dict[str, list[str | None]] = {"label_quality": [None] * 6, "entropy": [None] * 6, "target": [None] * 6}
    nothing |= {"null_reason": ["there is one class only"] * 6}
    said = refused(tmp_path / "a", rows, "scores: [entropy]", scores=nothing)
    assert said == "selected_subset.scores[0].column: no row has 'entropy': there is one class only"
    found = inputs(tmp_path / "b", rows, "budget: 2", scores=nothing)
    assert found.wanted.scores == []
    assert any("no row has label_quality" in note and "balanced_coverage" in note for note in found.notes)


def test_scores_are_brought_to_a_scale_as_they_say(tmp_path: Path, rows: list[Row]) -> None:
    text = (
        "scores: [{column: quality, prefer: low, missing: lowest, strength: 2}, "
        "{column: distance, normalise: min_max}, {column: label_quality, normalise: none}]"
    )
    quality, distance, label = inputs(tmp_path, rows, text).wanted.scores
    assert quality.values.tolist() == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.2])
    assert (quality.strength, quality.filled) == (2.0, 1)
    assert distance.values.tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert label.values.tolist() == [1.0] * 6


def test_scores_are_of_the_rows_that_pass(tmp_path: Path, rows: list[Row]) -> None:
    (score,) = inputs(
        tmp_path, rows, "budget: 2, scores: [quality], filters: [{column: quality, min: 2}]"
    ).wanted.scores
    assert score.values.tolist() == pytest.approx([1 / 3, 2 / 3, 1])


# -- rows that must or must not be in --------------------------------------------------------------------------------


def test_include_and_exclude_take_ids_and_files_of_them(tmp_path: Path, rows: list[Row]) -> None:
    make(tmp_path, rows)  # gives the rows their ids
    ids = [row["id"] for row in rows]
    (tmp_path / "out.txt").write_text(f"\ufeff# not these\n{ids[1]}\r\n\n  {ids[2]}  \n", "utf-8")
    found = inputs(tmp_path, rows, f"budget: 2, include: '{ids[4]}', exclude: [out.txt, '{ids[5]}']")
    assert found.rows.tolist() == [0, 3, 4]
    assert found.pool.required.tolist() == [False, False, True]
    assert found.removed[1] == ("excluded", "named in selected_subset.exclude")


def test_a_row_that_must_be_in_passes_every_filter_and_it_is_said(tmp_path: Path, rows: list[Row]) -> None:
    make(tmp_path, rows)
    text = f"budget: 2, include: ['{rows[0]['id']}'], filters: [{{column: quality, min: 3}}]"
    found = inputs(tmp_path, rows, text)
    assert found.rows.tolist() == [0, 3, 4]
    assert (
        "selected_subset.filters[0]: 1 rows that do not pass must be in, as selected_subset.include says" in found.notes
    )


@pytest.mark.parametrize(
    ("text", "written", "line"),
    [
        ("include: ['{gone}']", None, ".include: no row of cleaned_data has the id {gone}; `pickwise explain {gone}`"),
        ("exclude: [ids.txt]", "{first}\n{gone}\n{other}", "ids.txt, line 2: no row of cleaned_data has the id {gone}"),
        ("include: [ids.txt]", "{first}\nsport\n", "ids.txt, line 2: 'sport'; expected an id of 32 hex digits a line"),
        ("include: [no.txt]", None, "selected_subset.include: no.txt: No such file or directory; expected an id of 32"),
        ("exclude: ['{upper}']", None, "selected_subset.exclude: {upper}: No such file or directory; expected an id"),
        ("include: ['{first}'], exclude: ['{first}']", None, ": {first} stands in include and in exclude; expected it"),
        ("exclude: ['.']", None, "selected_subset.exclude: .: Is a directory"),
    ],
)  # fmt: skip
def test_ids_that_cannot_be_taken_are_named(
    tmp_path: Path, rows: list[Row], text: str, written: str | None, line: str
) -> None:
    make(tmp_path, rows)
    names = {"gone": "0" * 32, "other": "1" * 32, "first": rows[0]["id"], "upper": "A" * 32}

    def filled(template: str) -> str:
        for name, value in names.items():
            template = template.replace(f"{{{name}}}", value)
        return template

    if written is not None:
        (tmp_path / "ids.txt").write_text(filled(written), "utf-8")
    said = refused(tmp_path, rows, "budget: 1, " + filled(text))
    assert filled(line) in said


def test_a_file_of_ids_must_be_text(tmp_path: Path, rows: list[Row]) -> None:
    (tmp_path / "ids.txt").write_bytes(b"\xff\xfe\x00")
    said = refused(tmp_path, rows, "include: ids.txt")
    assert said == "selected_subset.include: ids.txt: not UTF-8 text (byte 0)"


# -- quotas, weights, targets, what was there before -----------------------------------------------------------------


def test_quotas_come_with_the_value_of_every_row_and_their_setting(tmp_path: Path, rows: list[Row]) -> None:
    text = "quota: [{by: class, rule: equal}, {by: source, minimum: 1}, {by: cluster, rule: none}]"
    found = inputs(tmp_path, rows, f"budget: 3, {text}")
    assert [(quota.column, quota.rule, quota.minimum, quota.setting) for quota in found.wanted.quotas] == [
        ("label", "equal", 0, "selected_subset.quota[0]"),
        ("source", "natural", 1, "selected_subset.quota[1]"),
        ("cluster", "none", 0, "selected_subset.quota[2]"),
    ]
    assert found.wanted.values[0] == ["sport", "sport", "politics", "sport", "politics", "(no label)"]
    assert found.wanted.values[2] == ["0", "1", "2", "0", "1", "2"]
    (one,) = inputs(tmp_path / "one", rows, "budget: 3").wanted.quotas
    assert one.setting == "selected_subset.quota"


def test_the_rows_of_a_heavier_source_count_more(tmp_path: Path, rows: list[Row]) -> None:
    for row, weight in zip(rows, [1.0, 2.0, 0.5, 2.0, 1.0, 1.0], strict=True):
        row["weight"] = weight
    assert inputs(tmp_path, rows, "budget: 3").wanted.weights.tolist() == [0.5, 1.0, 0.25, 1.0, 0.5, 0.5]


def test_suspected_labels_are_told_only_where_they_are_asked_for_and_labels_were_predicted(
    tmp_path: Path, rows: list[Row]
) -> None:
    suspected = {"suspected_label": [None, "politics", None, None, None, None]}
    assert inputs(tmp_path / "a", rows, "budget: 3", scores=suspected).pool.suspected.tolist()[:3] == [
        False,
        True,
        False,
    ]
    off = inputs(tmp_path / "b", rows, "budget: 3, noise_filter: false", scores=suspected)
    assert not off.pool.suspected.any()
    sources = inputs(tmp_path / "c", rows, "budget: 3", scores={**suspected, "target": ["source"] * 6})
    assert not sources.pool.suspected.any()


def test_targets_become_columns_that_may_be_named(tmp_path: Path) -> None:
    rows = texts_pool(["sort a list", "bake a cake", "sort the list", "boil an egg"], "x")
    (tmp_path / "q.jsonl").write_text(json.dumps({"prompt": "sort a list"}) + "\n", "utf-8")
    targets = "targets: {code: {rows: [q.jsonl], measure: jaccard}}"
    text = "budget: 1, scores: [similarity.code], filters: [{column: similarity_mean.code, min: 0.1}]"
    found = inputs(tmp_path, rows, f"{targets}, {text}")
    assert found.rows.tolist() == [0, 1, 2]
    assert found.likeness["code"].best.tolist() == pytest.approx([1.0, 0.2, 0.5, 0.0])
    assert found.wanted.targets.tolist() == [pytest.approx([1.0, 0.2, 0.5])]
    assert [score.name for score in found.wanted.scores] == ["similarity.code"]


def test_the_rows_of_before_are_those_of_the_pool_that_were_in(tmp_path: Path, rows: list[Row]) -> None:
    workspace = make(tmp_path, rows, settings("budget: 3, previous: latest, churn: 0.5"))
    before = Previous("sft-subset@v1.0.0", "v1.0.0", frozenset([rows[1]["id"], rows[4]["id"], "0" * 32]))
    found = gathered(workspace, before)
    assert found.pool.previous.tolist() == [False, True, False, False, True, False]
    # The one that is gone counts among those that may leave.
    assert (found.wanted.previous_rows, found.wanted.churn) == (3, 0.5)


def test_a_pool_of_no_labels_is_divided_by_source(tmp_path: Path) -> None:
    found = inputs(tmp_path, pool_rows([None] * 6), "budget: 2", scores={"target": ["source"] * 6})
    assert [quota.column for quota in found.wanted.quotas] == ["source"]
    assert found.wanted.values == [["books"] * 3 + ["chats"] * 3]


def test_tables_that_do_not_belong_together_are_named(tmp_path: Path, rows: list[Row]) -> None:
    make(tmp_path, rows)
    make(tmp_path / "other", rows[:4])
    shutil.rmtree(tmp_path / "data" / "uncertainty_scores")
    shutil.copytree(tmp_path / "other/data/uncertainty_scores", tmp_path / "data/uncertainty_scores")
    with pytest.raises(DataError, match="data/uncertainty_scores belongs to another state of cleaned_data"):
        columns(Workspace(tmp_path, params.Params()))


def test_before_the_first_version_latest_is_no_target(tmp_path: Path, rows: list[Row]) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    said = refused(tmp_path, rows, "targets: {old: [{version: latest}]}")
    assert said == "selected_subset.targets.old: latest has no rows to compare with"

"""Whole workspaces judged: what passes, what does not, and what a person gets to read."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from subsets import Row, pool_rows, skewed, workspace, write_pool

from assets import params, tables, verdict
from assets.errors import DataError
from assets.verdict import CheckOutcome
from assets.workspace import Workspace
from orchestration import judging
from orchestration.groups import COLUMNS, Groups


def judged(space: Workspace) -> dict[str, CheckOutcome]:
    return {outcome.name: outcome for outcome in judging.run_checks(space)}


def test_a_fair_subset_passes_every_check_and_may_be_published(tmp_path: Path) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 26}")
    outcomes = judged(space)
    assert {name: outcome.passed for name, outcome in outcomes.items()} == {
        "record_schema": True,
        "class_balance": True,
        "bias": True,
    }, outcomes
    assert outcomes["record_schema"].summary == "26 whole records"
    assert outcomes["class_balance"].summary.startswith("all 3 classes are present; divergence ")
    assert (tmp_path / "data" / "reports" / "checks" / "index.html").is_file()
    verdict.require(space.reports / verdict.FILE, space.content_hash("selected_subset"))


def test_a_subset_without_a_class_is_refused_with_the_reason_and_the_remedy(tmp_path: Path) -> None:
    rows = skewed()
    chosen = [rows[0], rows[151]]
    space = workspace(tmp_path, rows, chosen, "selected_subset: {budget: 2}")
    outcomes = judged(space)
    assert not outcomes["class_balance"].passed
    assert outcomes["class_balance"].summary == (
        "class 'rare' is missing (3.8 % of the pool); raise selected_subset.budget to at least 3"
    )
    assert outcomes["class_balance"].facts["missing"] == 1
    with pytest.raises(DataError, match="class 'rare' is missing"):
        verdict.require(space.reports / verdict.FILE, space.content_hash("selected_subset"))


def test_a_skewed_source_is_a_bias(tmp_path: Path) -> None:
    rows = skewed()
    chosen = [row for row in rows if row["source"] == "books"][::2]
    outcomes = judged(workspace(tmp_path, rows, chosen, f"selected_subset: {{budget: {len(chosen)}}}"))
    assert outcomes["class_balance"].passed
    assert not outcomes["bias"].passed
    assert outcomes["bias"].summary.startswith(
        "source 'chats' is missing (49.6 % of the pool); source 'books' has 100.0 %"
    )


def test_attributes_are_compared_and_those_like_identifiers_are_noted(tmp_path: Path) -> None:
    attributes = [{"lang": ("en", "zh")[i // 2 % 2], "key": str(i)} if i % 5 else {"lang": "en"} for i in range(200)]
    rows = pool_rows(["a"] * 200, attributes)
    chosen = [row for row in rows if ("lang", "en") in row["attributes"]][::2]
    outcome = judged(workspace(tmp_path, rows, chosen, f"selected_subset: {{budget: {len(chosen)}}}"))["bias"]
    assert not outcome.passed
    assert "lang 'zh' is missing (40.0 % of the pool); lang 'en' has 100.0 % of the subset" in outcome.summary
    assert outcome.facts["notes"] == ["attribute 'key' is not checked: it has 161 different values"]
    pool_share = {row.group: row.pool for row in outcome.table if row.column == "lang"}
    assert pool_share == {"en": 0.6, "zh": 0.4}


def test_an_attribute_called_source_is_not_taken_for_the_source(tmp_path: Path) -> None:
    rows = pool_rows(["a"] * 200, [{"source": ("web", "print")[i // 2 % 2]} for i in range(200)])
    chosen = [row for row in rows if ("source", "web") in row["attributes"]][::2]
    outcome = judged(workspace(tmp_path, rows, chosen, f"selected_subset: {{budget: {len(chosen)}}}"))["bias"]
    assert outcome.summary.startswith("attribute source 'print' is missing (50.0 % of the pool)")
    assert set(outcome.facts["columns"]) == {"source", "length band", "attribute source"}
    assert {row.group for row in outcome.table if row.column == "source"} == {"books", "chats"}


def test_rows_without_an_attribute_or_a_label_are_groups_of_their_own(tmp_path: Path) -> None:
    rows = pool_rows(["a", None] * 50, [{"lang": "en"}, {}] * 50)
    outcomes = judged(workspace(tmp_path, rows, rows[:40], "selected_subset: {budget: 40}"))
    assert all(outcome.passed for outcome in outcomes.values()), outcomes
    assert [row.group for row in outcomes["class_balance"].table] == ["(no label)", "a"]
    assert [row.group for row in outcomes["bias"].table if row.column == "lang"] == ["(none)", "en"]


def test_labels_that_look_like_other_things_are_labels(tmp_path: Path) -> None:
    labels = ["1", "2.0", "nan", "None", "True", "", " ", "a'b", "x\ny", "\u4e2d\u6587"]
    rows = pool_rows(labels * 20)
    outcomes = judged(workspace(tmp_path, rows, rows[:100], "selected_subset: {budget: 0.5}"))
    assert all(outcome.passed for outcome in outcomes.values()), outcomes
    assert len(outcomes["class_balance"].table) == len(labels)


def test_no_labels_pass_and_quotas_are_those_of_the_sources(tmp_path: Path) -> None:
    rows = pool_rows([None] * 200)
    for row in rows[:160]:
        row["source"] = "books"
    equal = [*rows[:160:8], *[row for row in rows[160:] if row["source"] == "chats"]]
    space = workspace(tmp_path, rows, equal, "selected_subset: {budget: 40, quota: equal}")
    outcomes = judged(space)
    assert outcomes["class_balance"].passed
    assert outcomes["class_balance"].summary == "no labels"
    assert outcomes["bias"].passed, outcomes["bias"].summary
    natural = workspace(tmp_path, rows, equal, "selected_subset: {budget: 40}")
    assert "source 'chats' has 50.0 % of the subset, target 10.0 %" in judged(natural)["bias"].summary


def test_a_target_for_classes_where_there_are_no_labels_is_refused(tmp_path: Path) -> None:
    rows = pool_rows([None] * 40)
    settings = "selected_subset: {budget: 4}\nchecks: {class_balance: {target: {comon: 1.0}}}"
    with pytest.raises(DataError, match=r"checks\.class_balance\.target: no class 'comon' in the pool"):
        judging.run_checks(workspace(tmp_path, rows, rows[::10], settings))


def test_a_labelled_subset_of_a_pool_without_labels_is_an_old_one(tmp_path: Path) -> None:
    rows, old = pool_rows([None] * 40), pool_rows(["x"] * 4)
    space = workspace(tmp_path, rows, old, "selected_subset: {budget: 4, quota: {books: 0.5, chats: 0.5}}")
    outcome = judged(space)["class_balance"]
    assert outcome.severity == "ERROR"
    assert "class 'x': not in the pool" in outcome.summary
    assert outcome.summary.endswith("; materialize selected_subset again")


def test_another_number_of_rows_than_the_manifest_says_fails(tmp_path: Path) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 27}", {"rows": 27})
    outcome = judged(space)["record_schema"]
    assert outcome.summary == "26 rows, 27 expected; materialize selected_subset again"


def test_a_subset_that_other_settings_made_fails_and_they_are_named(tmp_path: Path) -> None:
    rows = skewed()
    workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 26}")
    later = Workspace(tmp_path, params.parse("selected_subset: {budget: 0.5, quota: equal}"))
    outcome = judged(later)["record_schema"]
    assert (outcome.passed, outcome.severity) == (False, "ERROR")
    assert outcome.summary == (
        "chosen by other settings than those of now: selected_subset.budget and selected_subset.quota; "
        "materialize selected_subset again"
    )


@pytest.mark.parametrize(
    "said",
    [
        None,
        {"rows": "26"},
        {"unit": "words"},
        {"quotas": {"label": {"common": "many"}}},
        {"quotas": {"label": {}}},
        {"quotas": []},
        {"settings": {}},
        {"settings": None},
    ],
)
def test_without_what_was_asked_nothing_is_judged(tmp_path: Path, said: dict[str, object] | None) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 26}", said)
    if said is None:
        (tmp_path / "data/selected_subset/manifest.json").write_text("{")
    outcomes = judging.run_checks(space)
    assert {outcome.summary for outcome in outcomes} == {
        "manifest.json is missing or damaged; materialize selected_subset again"
    }
    assert not verdict.passed(outcomes)


# -- what is owed, and what only warned of ---------------------------------------------------------------------------


def only(rows: list[Row], **columns: str) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in columns.items())]


@pytest.mark.parametrize(
    ("settings", "classes", "bias"),
    [
        ("{budget: 26}", "ERROR", "ERROR"),
        ("{budget: 26, preset: random}", "WARN", "WARN"),
        ("{budget: 26, preset: k_center}", "WARN", "WARN"),
        ("{budget: 26, quota: {by: source}}", "WARN", "ERROR"),
        ("{budget: 26, filters: [{column: length, min: 3}]}", "ERROR", "WARN"),
        ("{budget: {tokens: 26}}", "ERROR", "WARN"),
    ],
)
def test_only_what_was_asked_for_is_owed(tmp_path: Path, settings: str, classes: str, bias: str) -> None:
    rows = [row | {"tokens": 1} for row in skewed()]
    chosen = only(rows, source="books", label="common")[:26]
    outcomes = judged(workspace(tmp_path, rows, chosen, f"selected_subset: {settings}"))
    assert {name: (outcome.passed, outcome.severity) for name, outcome in outcomes.items()} == {
        "record_schema": (True, "ERROR"),
        "class_balance": (False, classes),
        "bias": (False, bias),
    }
    for name in ("class_balance", "bias"):
        warns = outcomes[name].severity == "WARN"
        assert ("a warning only, which blocks nothing: selected_subset" in outcomes[name].summary) == warns
    assert verdict.passed(list(outcomes.values())) == ((classes, bias) == ("WARN", "WARN"))


def test_a_stated_target_is_owed_without_a_quota(tmp_path: Path) -> None:
    rows = skewed()
    settings = "selected_subset: {budget: 26, preset: k_center}\nchecks: {class_balance: {target: equal}}"
    outcome = judged(workspace(tmp_path, rows, rows[::10], settings))["class_balance"]
    assert (outcome.passed, outcome.severity) == (False, "ERROR")
    assert outcome.summary.endswith("; set selected_subset.quota: equal")


def test_a_warning_says_what_is_off_why_that_blocks_nothing_and_what_would_mend_it(tmp_path: Path) -> None:
    rows = skewed()
    chosen = only(rows, source="books")[::5]
    settings = "selected_subset: {budget: 27, preset: deita, filters: [{column: length, min: 3}]}"
    outcome = judged(workspace(tmp_path, rows, chosen, settings))["bias"]
    assert outcome.summary == (
        "source 'chats' is missing (49.6 % of the pool); source 'books' has 100.0 % of the subset, target 50.4 %; "
        "divergence 0.685 > 0.123; a warning only, which blocks nothing: selected_subset asks for rows that pass "
        "filters, coverage: distinct, rows by 'length' and no quota; if it is not wanted: set selected_subset.quota: "
        "natural"
    )


def test_a_subset_of_another_pool_is_never_only_warned_of(tmp_path: Path) -> None:
    rows = skewed()
    strange = [row | {"label": "new", "source": "elsewhere"} for row in rows[:3]]
    settings = "selected_subset: {budget: 26, preset: k_center}"
    outcomes = judged(workspace(tmp_path, rows, [*rows[:230:10], *strange], settings))
    assert {outcomes[name].severity for name in ("class_balance", "bias")} == {"ERROR"}
    assert "'new': not in the pool" in outcomes["class_balance"].summary


# -- quotas ----------------------------------------------------------------------------------------------------------


def test_each_column_is_compared_with_the_quota_that_governs_it(tmp_path: Path) -> None:
    attributes = [{"lang": ("en", "en", "en", "zh")[i % 4], "source": "web"} for i in range(200)]
    rows = pool_rows(["a", "b"] * 100, attributes)
    by_source = "{by: source, rule: {books: 0.75, chats: 0.25}}"
    settings = f"selected_subset: {{budget: 40, quota: [{{by: lang, rule: equal}}, {by_source}]}}"
    chosen = [
        row
        for source, each in (("books", 15), ("chats", 5))
        for lang in ("en", "zh")
        for row in [r for r in only(rows, source=source) if ("lang", lang) in r["attributes"]][:each]
    ]
    outcomes = judged(workspace(tmp_path, rows, chosen, settings))
    assert outcomes["bias"].passed, outcomes["bias"].summary
    targets = {(row.column, row.group): row.target for row in outcomes["bias"].table}
    assert targets["source", "books"] == 0.75
    assert targets["lang", "zh"] == 0.5
    assert targets["attribute source", "web"] == 1.0  # not the quota of the sources


def test_a_class_that_the_filters_leave_out_was_not_asked_for(tmp_path: Path) -> None:
    rows = skewed()
    settings = "selected_subset: {budget: 26, filters: [{column: label, drop: rare}]}"
    passing = [row for row in rows if row["label"] != "rare"]
    seats = {"label": {"common": 16, "usual": 10}}
    outcome = judged(workspace(tmp_path, rows, passing[::10][:26], settings, {"quotas": seats}))["class_balance"]
    assert outcome.passed, outcome.summary
    assert outcome.summary.startswith("all 2 classes are present")
    assert {row.group: row.target for row in outcome.table}["rare"] == 0


def test_quotas_in_tokens_are_compared_in_tokens(tmp_path: Path) -> None:
    rows = [row | {"tokens": 30 if row["label"] == "common" else 10} for row in skewed()]
    # A third of the rows that are worth three times as much: equal in tokens, far from it in rows.
    chosen = [
        row for name, each in (("common", 10), ("usual", 30), ("rare", 10)) for row in only(rows, label=name)[:each]
    ]
    settings = "selected_subset: {budget: {tokens: 700}, quota: equal}"
    seats = {"label": {"common": 300, "usual": 300, "rare": 100}}
    outcomes = judged(workspace(tmp_path, rows, chosen, settings, {"quotas": seats}))
    assert outcomes["class_balance"].passed, outcomes["class_balance"].summary
    (common,) = (row for row in outcomes["class_balance"].table if row.group == "common")
    assert common.column == "class (tokens)"
    assert common.target == common.subset == pytest.approx(3 / 7)
    assert outcomes["record_schema"].passed, outcomes["record_schema"].summary

    short = [row | {"tokens": 10} for row in chosen]
    outcome = judged(workspace(tmp_path, rows, short, settings, {"quotas": seats}))["class_balance"]
    assert (outcome.passed, outcome.severity) == (False, "ERROR")
    assert outcome.summary.startswith("class 'common' has 20.0 % of the subset's tokens, target 42.9 %; divergence ")


def test_without_tokens_a_quota_in_tokens_cannot_be_judged(tmp_path: Path) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: {tokens: 26}}")
    summaries = {outcome.summary for outcome in judged(space).values()}
    assert summaries == {
        "subset.parquet: column 'tokens' must be at least 1 in every row; materialize selected_subset again"
    }


# -- damage ----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_no_subset_fails_every_check_in_words(tmp_path: Path) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 26}")
    with tables.replacing(tmp_path / "data" / "selected_subset") as folder:
        tables.write_parquet(pa.table({"id": ["x"]}), folder / "subset.parquet")
    summaries = {outcome.summary for outcome in judged(space).values()}
    assert summaries == {"subset.parquet has no column 'source'; materialize selected_subset again"}


@pytest.mark.parametrize(
    ("column", "values", "fault"),
    [
        ("source", ["a", None], "column 'source' has nulls"),
        ("messages", [[{"role": "user", "content": "a"}], None], "column 'messages' has nulls"),
        ("messages", [[{"role": None, "content": "a"}], []], "column 'messages' has nulls"),
        ("messages", [[{"role": "user", "content": None}], []], "column 'messages' has nulls"),
        ("messages", [[None], []], "column 'messages' has nulls"),
        ("id", [1, 2], "column 'id' is int64, expected string"),
    ],
)
def test_rows_that_cannot_be_counted_fail_every_check_in_words(
    tmp_path: Path, column: str, values: list[object], fault: str
) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[:2], "selected_subset: {budget: 2}")
    path = tmp_path / "data" / "selected_subset" / "subset.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index(column)
    kind = None if column == "id" else table.schema.field(column).type
    pq.write_table(table.set_column(place, column, pa.array(values, kind)), path)
    summaries = {outcome.summary for outcome in judged(space).values()}
    assert summaries == {f"subset.parquet: {fault}; materialize selected_subset again"}


@pytest.mark.parametrize("content", [None, b"", b"not Parquet" * 99])
def test_a_damaged_file_fails_every_check_in_words_and_leaves_no_old_report(
    tmp_path: Path, content: bytes | None
) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 26}")
    assert verdict.passed(judging.run_checks(space))
    with tables.replacing(tmp_path / "data" / "selected_subset") as folder:
        if content is not None:
            (folder / "subset.parquet").write_bytes(content)
    summaries = {outcome.summary for outcome in judged(space).values()}
    assert summaries == {"subset.parquet is missing or damaged; materialize selected_subset again"}
    assert not (tmp_path / "data" / "reports" / "checks").exists()


def test_an_empty_subset_fails_every_check_in_words(tmp_path: Path) -> None:
    outcomes = judged(workspace(tmp_path, skewed(), [], "selected_subset: {budget: 26}"))
    assert {o.summary for o in outcomes.values()} == {"the subset has no rows; raise selected_subset.budget"}


def test_an_old_verdict_does_not_outlive_settings_that_cannot_be_judged(tmp_path: Path) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 26}")
    judged(space)
    wrong = params.parse("selected_subset: {budget: 26}\nchecks: {class_balance: {target: {comon: 1.0}}}")
    with pytest.raises(DataError, match="no class 'comon' in the pool; did you mean 'common'"):
        judging.run_checks(Workspace(tmp_path, wrong))
    with pytest.raises(DataError, match="they have not run"):
        verdict.require(space.reports / verdict.FILE, space.content_hash("selected_subset"))


def test_counts_do_not_depend_on_how_the_rows_are_cut(tmp_path: Path) -> None:
    rows = pool_rows(["a", "b", None] * 40, [{"lang": "en"}, {"lang": "zh", "voice": "casual"}, {}] * 40)
    write_pool(tmp_path, rows)
    folder = tmp_path / "data" / "cleaned_data"
    whole, pieces = (Groups.of(tables.batches(folder, COLUMNS, rows=n)) for n in (1000, 7))
    assert whole.label == pieces.label == Counter({"a": 40, "b": 40, "(no label)": 40})
    assert whole.attributes == pieces.attributes
    assert whole.attributes["voice"] == {"casual": 40, "(none)": 80}
    assert np.array_equal(whole.lengths, pieces.lengths)
    assert whole.lengths[7] == len("question 7") + len("answer ")

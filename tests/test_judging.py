"""Whole workspaces judged: what passes, what does not, and what a person gets to read."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from subsets import pool_rows, skewed, workspace, write_pool

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
    natural = Workspace(tmp_path, params.parse("selected_subset: {budget: 40}"))
    assert "source 'chats' has 50.0 % of the subset, target 10.0 %" in judged(natural)["bias"].summary


def test_a_target_for_classes_where_there_are_no_labels_is_refused(tmp_path: Path) -> None:
    rows = pool_rows([None] * 40)
    settings = "selected_subset: {budget: 4}\nchecks: {class_balance: {target: {comon: 1.0}}}"
    with pytest.raises(DataError, match=r"checks\.class_balance\.target: no class 'comon' in the pool"):
        judging.run_checks(workspace(tmp_path, rows, rows[::10], settings))


def test_a_labelled_subset_of_a_pool_without_labels_is_an_old_one(tmp_path: Path) -> None:
    rows, old = pool_rows([None] * 40), pool_rows(["x"] * 4)
    space = workspace(tmp_path, rows, old, "selected_subset: {budget: 4, quota: {books: 0.5, chats: 0.5}}")
    summary = judged(space)["class_balance"].summary
    assert "class 'x': not in the pool" in summary
    assert summary.endswith("; materialize selected_subset again")


def test_fewer_rows_than_seats_fail_and_the_quota_says_how_many_there_are(tmp_path: Path) -> None:
    rows = skewed()
    rare = [row for row in rows if row["label"] == "rare"]
    only = "selected_subset: {budget: 26, quota: {rare: 1.0}}"
    assert judged(workspace(tmp_path / "all", rows, rare, only))["record_schema"].passed
    fewer = judged(workspace(tmp_path / "few", rows, rare[1:], only))["record_schema"]
    assert fewer.summary == "9 rows, 10 expected; materialize selected_subset again"


def test_a_subset_of_another_size_than_the_budget_fails(tmp_path: Path) -> None:
    rows = skewed()
    outcome = judged(workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 0.5}"))["record_schema"]
    assert outcome.summary == "26 rows, 130 expected; materialize selected_subset again"


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

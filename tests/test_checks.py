"""The checks on whole workspaces: what passes, what is blocked, and what a person gets to see."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from assets import params, tables, verdict
from assets.errors import DataError
from assets.verdict import CheckOutcome, GroupShares
from assets.workspace import Workspace
from orchestration import checks

Row = dict[str, Any]
SKEWED = {"common": 150, "usual": 100, "rare": 10}


def pool_rows(labels: Sequence[str | None], attributes: Sequence[dict[str, str]] | None = None) -> list[Row]:
    """Two turns a row, lengths that vary, sources that alternate."""
    return [
        {
            "source": ("books", "chats")[number // 3 % 2],
            "messages": [
                {"role": "user", "content": f"question {number}"},
                {"role": "assistant", "content": "answer " * (1 + number % 7)},
            ],
            "label": label,
            "attributes": list((attributes[number] if attributes else {}).items()),
            "file": "rows.jsonl",
            "line": number + 1,
            "raw_id": "0" * 32,
        }
        for number, label in enumerate(labels)
    ]


def skewed() -> list[Row]:
    return pool_rows([name for name, count in SKEWED.items() for _ in range(count)])


def write_pool(root: Path, rows: list[Row]) -> None:
    for row in rows:
        row["id"] = tables.record_id(row["messages"], row["label"])
    with tables.replacing(root / "data" / "cleaned_data") as folder:
        # Several shards and batches: counts must not depend on how the rows are cut.
        writer = tables.ShardWriter(folder, tables.CLEANED, rows=97)
        writer.write(pa.Table.from_pylist(rows, schema=tables.CLEANED))
        writer.close()


def write_subset(root: Path, rows: list[Row]) -> None:
    ranked = [
        {**row, "rank": rank, "gain": 1.0, "reason": "covers", "cluster": 0, "length": 1}
        for rank, row in enumerate(rows, start=1)
    ]
    with tables.replacing(root / "data" / "selected_subset") as folder:
        tables.write_parquet(pa.Table.from_pylist(ranked, schema=tables.SUBSET), folder / "subset.parquet")


def workspace(root: Path, rows: list[Row], chosen: list[Row], settings: str) -> Workspace:
    write_pool(root, rows)
    write_subset(root, chosen)
    return Workspace(root, params.parse(settings))


def judged(space: Workspace) -> dict[str, CheckOutcome]:
    return {outcome.name: outcome for outcome in checks.run_checks(space)}


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


def test_an_empty_subset_fails_every_check_in_words(tmp_path: Path) -> None:
    outcomes = judged(workspace(tmp_path, skewed(), [], "selected_subset: {budget: 26}"))
    assert {o.summary for o in outcomes.values()} == {"the subset has no rows; raise selected_subset.budget"}


def test_an_old_verdict_does_not_outlive_settings_that_cannot_be_judged(tmp_path: Path) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 26}")
    judged(space)
    wrong = params.parse("selected_subset: {budget: 26}\nchecks: {class_balance: {target: {comon: 1.0}}}")
    with pytest.raises(DataError, match="no class 'comon' in the pool; did you mean 'common'"):
        checks.run_checks(Workspace(tmp_path, wrong))
    with pytest.raises(DataError, match="they have not run"):
        verdict.require(space.reports / verdict.FILE, space.content_hash("selected_subset"))


def test_counts_do_not_depend_on_how_the_rows_are_cut(tmp_path: Path) -> None:
    rows = pool_rows(["a", "b", None] * 40, [{"lang": "en"}, {"lang": "zh", "voice": "casual"}, {}] * 40)
    write_pool(tmp_path, rows)
    folder = tmp_path / "data" / "cleaned_data"
    whole, pieces = (checks.Groups.of(tables.batches(folder, checks._READ, rows=n)) for n in (1000, 7))
    assert whole.label == pieces.label == Counter({"a": 40, "b": 40, "(no label)": 40})
    assert whole.attributes == pieces.attributes
    assert whole.attributes["voice"] == {"casual": 40, "(none)": 80}
    assert np.array_equal(whole.lengths, pieces.lengths)
    assert whole.lengths[7] == len("question 7") + len("answer ")


# -- what is shown ---------------------------------------------------------------------------------------------------

STRANGE = [
    GroupShares("class", "a|b", 0.5, 0.5, 0.25),
    GroupShares("class", "<img src=x onerror=alert(1)>", 0.25, 0.25, 0.5),
    GroupShares("class", "$x^{2", 0.125, 0.125, 0.125),
    GroupShares("class", "\u4e2d\u6587", 0.125, 0.125, 0.125),
]


def test_the_table_of_groups_cannot_be_broken_by_a_name() -> None:
    text = checks.groups_table(STRANGE)
    assert all(line.count("|") == 7 for line in text.splitlines())
    assert "<img" not in text
    assert "-25.0" in text.splitlines()[2]


def test_a_long_table_says_how_many_groups_it_leaves_out() -> None:
    rows = [GroupShares("class", str(i), 0.005, 0.005, 0.005) for i in range(200)]
    assert checks.groups_table(rows).endswith("and 100 more groups")


def test_the_picture_draws_any_name_and_is_the_same_every_time() -> None:
    rows = [*STRANGE, *(GroupShares(f"column {i}", "a", 1.0, 1.0, 1.0) for i in range(9))]
    picture = checks.shares_picture(rows)
    assert picture.startswith(b"\x89PNG")
    assert picture == checks.shares_picture(rows)


# -- in Dagster ------------------------------------------------------------------------------------------------------


def graph(space: Workspace) -> tuple[dg.Definitions, list[str]]:
    """The checks between a subset that is there already and a version that only notes that it ran."""
    ran: list[str] = []

    @dg.asset
    def selected_subset() -> None:
        ran.append("selected_subset")

    @dg.asset(deps=["selected_subset"])
    def subset_version() -> None:
        ran.append("subset_version")

    version = dg.AssetSelection.assets("subset_version")
    jobs = [
        dg.define_asset_job("all_of_it", dg.AssetSelection.all()),
        dg.define_asset_job("version_with_checks", version | dg.AssetSelection.checks_for_assets("selected_subset")),
    ]
    definitions = dg.Definitions(
        assets=[selected_subset, subset_version],
        asset_checks=checks.build_checks(),
        jobs=jobs,
        resources={"workspace": dg.ResourceDefinition.hardcoded_resource(space)},
        executor=dg.in_process_executor,
    )
    return definitions, ran


def test_a_failing_check_stops_the_version_and_all_checks_are_reported(tmp_path: Path) -> None:
    rows = skewed()
    space = workspace(tmp_path, rows, [rows[0], rows[151]], "selected_subset: {budget: 2}")
    definitions, ran = graph(space)
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("all_of_it").execute_in_process(instance=instance, raise_on_error=False)
        # Also where only the version is asked for, with the checks of what it is made of.
        later = definitions.resolve_job_def("version_with_checks").execute_in_process(
            instance=instance, raise_on_error=False
        )
    assert not result.success
    assert not later.success
    assert ran == ["selected_subset"]
    evaluations = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert set(evaluations) == set(checks.DESCRIPTIONS)
    failed = evaluations["class_balance"]
    assert not failed.passed
    assert failed.severity == dg.AssetCheckSeverity.ERROR
    assert failed.description is not None
    assert failed.description.startswith("class 'rare' is missing")
    assert "data:image/png;base64," in str(failed.metadata["shares"].value)
    assert "| class | common |" in str(failed.metadata["groups"].value)


def test_passing_checks_let_the_version_through(tmp_path: Path) -> None:
    rows = skewed()
    definitions, ran = graph(workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 26}"))
    result = definitions.resolve_job_def("all_of_it").execute_in_process()
    assert result.success
    assert ran == ["selected_subset", "subset_version"]
    assert all(each.passed for each in result.get_asset_check_evaluations())
    stored = json.loads((tmp_path / "data" / "reports" / "checks.json").read_text())
    assert stored["passed"] is True


def test_what_a_user_can_mend_fails_the_run_in_one_line(tmp_path: Path) -> None:
    rows = skewed()
    definitions, ran = graph(workspace(tmp_path, rows, rows[::10], "selected_subset: {budget: 9000}"))
    result = definitions.resolve_job_def("all_of_it").execute_in_process(raise_on_error=False)
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    assert "selected_subset.budget: 9000 rows asked for" in str(failure.step_failure_data.user_failure_data)
    assert ran == ["selected_subset"]

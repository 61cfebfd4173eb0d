"""The checks in Dagster: what is shown of an outcome, and what a failing one stops."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from subsets import skewed, workspace

from assets import verdict
from assets.verdict import GroupShares
from assets.workspace import Workspace
from orchestration import checks
from orchestration.judging import CHECKS
from orchestration.running import outcome_of

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
    assert outcome_of(result).blocked
    assert not outcome_of(result).unexpected
    assert ran == ["selected_subset"]
    evaluations = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert set(evaluations) == set(CHECKS)
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


def test_a_warning_lets_the_version_through_and_is_reported_as_one(tmp_path: Path) -> None:
    rows = skewed()
    chosen = [row for row in rows if row["source"] == "books" and row["label"] != "rare"][:20]
    space = workspace(tmp_path, rows, chosen, "selected_subset: {budget: 20, preset: k_center}")
    definitions, ran = graph(space)
    result = definitions.resolve_job_def("all_of_it").execute_in_process()
    assert result.success
    assert ran == ["selected_subset", "subset_version"]
    evaluations = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert {name: each.passed for name, each in evaluations.items()} == {
        "record_schema": True, "class_balance": False, "bias": False,
    }  # fmt: skip
    for name in ("class_balance", "bias"):
        assert evaluations[name].severity == dg.AssetCheckSeverity.WARN
        assert "a warning only, which blocks nothing" in str(evaluations[name].description)
    verdict.require(space.reports / verdict.FILE, space.content_hash("selected_subset"))
    assert (outcome_of(result).success, outcome_of(result).blocked) == (True, False)


@pytest.mark.parametrize("severity", dg.AssetCheckSeverity)
def test_an_error_after_a_mere_warning_is_not_taken_for_a_failed_check(severity: dg.AssetCheckSeverity) -> None:
    @dg.asset
    def subset() -> None: ...

    @dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset="subset", blocking=True) for name in ("one", "two")])
    def both() -> Iterator[dg.AssetCheckResult]:
        yield dg.AssetCheckResult(check_name="one", passed=False, severity=severity)
        raise RuntimeError("a disk that is gone")

    definitions = dg.Definitions([subset], asset_checks=[both], executor=dg.in_process_executor)
    job = definitions.resolve_implicit_global_asset_job_def()
    outcome = outcome_of(job.execute_in_process(raise_on_error=False))
    assert not outcome.success
    assert outcome.blocked == (severity == dg.AssetCheckSeverity.ERROR)
    assert ("a disk that is gone" in str(outcome.unexpected)) != outcome.blocked


def test_what_a_user_can_mend_fails_the_run_in_one_line(tmp_path: Path) -> None:
    rows = skewed()
    settings = "selected_subset: {budget: 26}\nchecks: {class_balance: {target: {comon: 1.0}}}"
    definitions, ran = graph(workspace(tmp_path, rows, rows[::10], settings))
    result = definitions.resolve_job_def("all_of_it").execute_in_process(raise_on_error=False)
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    assert "checks.class_balance.target: no class 'comon'" in str(failure.step_failure_data.user_failure_data)
    assert ran == ["selected_subset"]

"""Dagster without a browser: definitions, `dg`, the schedule, the sensors, rolling back, and runs that were killed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from conftest import ROOT, SMALL, Project, instructions, new_project

from assets import tables
from orchestration import running, sensors
from orchestration.definitions import build_defs
from orchestration.liveness import CLOSED, alive, close_dead_runs

ASSETS = (
    "raw_data",
    "cleaned_data",
    "embeddings",
    "uncertainty_scores",
    "cluster_assignments",
    "selected_subset",
    "subset_version",
)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which `dg launch` ran one asset, then the whole job, without DAGSTER_HOME."""
    project = new_project(tmp_path_factory.mktemp("launched") / "project", SMALL)
    project.write_rows("rows.jsonl", instructions(240))
    names = {path.name for path in project.root.iterdir()}
    for words in (["--assets", "raw_data"], ["--job", "select_subset"]):
        dg_command(project, "launch", *words)
    project.new_names = {path.name for path in project.root.iterdir()} - names  # type: ignore[attr-defined]
    return project


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A fresh project that is the current folder."""
    monkeypatch.chdir(project.root)
    return project


@pytest.fixture
def ephemeral() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def dg_command(
    project: Project, *words: str, check: bool = True, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run `dg` with a home of its own, in which its telemetry would leave files."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAGSTER")}
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    home = project.root.parent / "home"
    home.mkdir(exist_ok=True)
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": cache, **variables}
    return project.command(str(Path(sys.executable).with_name("dg")), *words, check=check, env=environment)


# -- definitions -----------------------------------------------------------------------------------------------------


def test_every_asset_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    specs = {spec.key.to_user_string(): spec for spec in build_defs().resolve_all_asset_specs()}
    assert set(specs) == set(ASSETS)
    for spec in specs.values():
        assert spec.group_name not in (None, "default")
        assert spec.kinds
        assert len(spec.description or "") > 40
        assert re.fullmatch("[0-9a-f]{12}", spec.code_version or "")
        assert not spec.owners


def test_the_jobs_the_schedule_and_the_sensors(here: Project) -> None:
    here.write("params.yaml", SMALL + 'schedule: {cron: "15 4 * * 1", timezone: Europe/Berlin}\n')
    defs = build_defs()
    for job in ("select_subset", "rollback_subset"):
        assert defs.resolve_job_def(job).description
    schedule = defs.resolve_schedule_def("recurring_selection")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("15 4 * * 1", "Europe/Berlin")
    assert schedule.job_name == "select_subset"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    sensor = defs.resolve_sensor_def("new_source_data")
    assert sensor.job_name == "select_subset"
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert defs.resolve_sensor_def("dead_runs").default_status == dg.DefaultSensorStatus.RUNNING


def test_one_run_at_a_time_writes_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    defs = build_defs()
    for job in ("select_subset", "rollback_subset"):
        for node in defs.resolve_job_def(job).graph.nodes:
            assert node.definition.pools == {"workspace"}, node.name


def test_the_instance_is_the_projects_own_and_reports_to_nobody(here: Project) -> None:
    with running.instance(here.root) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        pools = instance.get_concurrency_config().pool_config
        assert pools.default_pool_limit == 1
        assert pools.pool_granularity is not None
        assert pools.pool_granularity.value == "run"
    assert {path.name for path in here.root.glob(".*") if path.name.startswith((".dagster", ".nux", ".tele"))} == {
        ".dagster"
    }


# -- dg --------------------------------------------------------------------------------------------------------------


def test_dg_check_defs_is_clean(project: Project) -> None:
    checked = dg_command(project, "check", "defs", DAGSTER_HOME=str(project.root))
    assert checked.stdout.splitlines() == [
        "All component YAML validated successfully.",
        "All definitions loaded successfully.",
    ]
    assert checked.stderr == ""
    assert not (project.root.parent / "home" / ".dagster").exists()


def test_dg_check_defs_names_a_wrong_setting(project: Project) -> None:
    project.write("params.yaml", "selected_subset: {budgt: 1}")
    checked = dg_command(project, "check", "defs", check=False, DAGSTER_HOME=str(project.root))
    assert checked.returncode == 1
    said = checked.stdout + checked.stderr
    assert "params.yaml: selected_subset.budgt: unknown key; did you mean 'budget'?" in said


def test_dg_launch_keeps_its_runs_in_the_project(launched: Project) -> None:
    with running.instance(launched.root) as instance:
        runs = [(run.job_name, run.status) for run in instance.get_runs()]
    done = dg.DagsterRunStatus.SUCCESS
    assert runs == [("select_subset", done), ("__ASSET_JOB", done)]
    assert launched.git("tag").split() == ["sft-subset@v1.0.0"]


def test_dg_launch_leaves_no_stray_files(launched: Project) -> None:
    assert launched.new_names == {".dagster", "dvc.lock"}  # type: ignore[attr-defined]
    assert launched.git("status", "--porcelain").splitlines() == ["?? dvc.lock", "?? rows.jsonl"]


def test_what_a_killed_dg_would_leave_is_ignored(project: Project) -> None:
    for name in (".tmp_dagster_home_abc", ".telemetry", ".nux"):
        (project.root / name).mkdir()
        project.write(f"{name}/file", "")
    assert project.git("status", "--porcelain").splitlines() == ["?? rows.jsonl"]


# -- the command that opens the UI -----------------------------------------------------------------------------------


def test_the_ui_does_not_open_on_wrong_settings(project: Project) -> None:
    project.write("params.yaml", "selected_subset: {budgt: 1}")
    refused = project.pickwise("ui", "--port", "0", check=False)
    assert refused.returncode == 2
    assert refused.stderr == "pickwise: params.yaml: selected_subset.budgt: unknown key; did you mean 'budget'?\n"


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_the_ui_refuses_what_is_no_port(project: Project, port: str) -> None:
    refused = project.pickwise("ui", f"--port={port}", check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"pickwise: --port {port}: ")
    assert len(refused.stderr.splitlines()) == 1


# -- the sensor on the sources ---------------------------------------------------------------------------------------


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> tuple[int, str | None, str]:
    """One look of `new_source_data`: how many runs it asks for, its cursor, and why it skipped."""
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    said = sensors.new_source_data(context)
    if isinstance(said, dg.SkipReason):
        return 0, cursor, str(said.skip_message)
    assert isinstance(said, dg.SensorResult)
    reason = said.skip_reason.skip_message if isinstance(said.skip_reason, dg.SkipReason) else said.skip_reason
    return len(said.run_requests or []), said.cursor, str(reason or "")


def test_the_sensor_asks_for_a_run_when_a_source_has_changed(here: Project, ephemeral: dg.DagsterInstance) -> None:
    runs, first, _ = tick(ephemeral)
    assert (runs, bool(first)) == (1, True)
    assert tick(ephemeral, first) == (0, first, "the sources have not changed")
    here.write_rows("rows.jsonl", instructions(241))
    runs, second, _ = tick(ephemeral, first)
    assert runs == 1
    assert second != first
    # Back to what it was: that is a change too.
    here.write_rows("rows.jsonl", instructions(240))
    assert tick(ephemeral, second)[:2] == (1, first)


@pytest.mark.parametrize(
    ("settings", "said"),
    [("raw_data: {sources: [gone.jsonl]}", "gone.jsonl"), ("raw_data: {sorces: []}", "raw_data.sorces: unknown key")],
)
def test_the_sensor_says_in_one_line_what_is_wrong(
    here: Project, ephemeral: dg.DagsterInstance, settings: str, said: str
) -> None:
    here.write("params.yaml", settings)
    runs, cursor, reason = tick(ephemeral, "before")
    assert (runs, cursor) == (0, "before")
    assert said in reason
    assert "\n" not in reason


def test_the_sensor_starts_no_run_for_what_was_read_already(
    launched: Project, ephemeral: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(launched.root)
    runs, cursor, reason = tick(ephemeral)
    assert runs == 0
    assert "already" in reason
    assert tick(ephemeral, cursor) == (0, cursor, "the sources have not changed")


def test_the_sensor_waits_for_a_run_that_is_at_work(here: Project, ephemeral: dg.DagsterInstance) -> None:
    job = build_defs().resolve_job_def("select_subset")
    run = ephemeral.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert tick(ephemeral)[:2] == (0, None)
    ephemeral.report_run_failed(run)
    assert tick(ephemeral)[0] == 1


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_broken_source_fails_the_run_with_one_line(here: Project) -> None:
    (here.root / "rows.jsonl").unlink()
    with running.instance(here.root) as instance:
        job = build_defs().resolve_job_def("select_subset")
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.description == (
        "rows.jsonl: no such file (relative paths start at the folder of params.yaml)"
    )


# -- rolling back ----------------------------------------------------------------------------------------------------


def roll_back(project: Project, version: str) -> dg.ExecuteInProcessResult:
    config = {"ops": {"restore_version": {"config": {"version": version}}}}
    with running.instance(project.root) as instance:
        job = build_defs().resolve_job_def("rollback_subset")
        return job.execute_in_process(instance=instance, run_config=config, raise_on_error=False)


def test_rolling_back_restores_the_tables_and_tells_dagster(launched: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(launched.root)
    before = launched.bytes_of("data/selected_subset")
    launched.write("data/selected_subset/subset.jsonl", "damaged\n")
    result = roll_back(launched, "v1.0.0")
    assert result.success
    assert launched.bytes_of("data/selected_subset") == before
    logged = {m.asset_key.to_user_string(): m for m in result.asset_materializations_for_node("restore_version")}
    assert set(logged) == set(ASSETS)
    for name in ASSETS[:-1]:
        content = tables.content_hash(launched.root / "data" / name)
        assert (logged[name].tags or {})["dagster/data_version"] == content
        assert logged[name].metadata["restored from"].value == "v1.0.0"
    assert logged["selected_subset"].metadata["dagster/row_count"].value == len(before["subset.jsonl"].splitlines())
    assert logged["subset_version"].metadata["version"].value == "v1.0.0"
    with running.instance(launched.root) as instance:
        for name in ASSETS:
            event = instance.get_latest_materialization_event(dg.AssetKey(name))
            assert event is not None
            assert event.run_id == result.run_id


def test_rolling_back_to_nowhere_says_what_there_is(launched: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(launched.root)
    before = launched.bytes_of("data/selected_subset")
    result = roll_back(launched, "v9.9.9")
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.user_failure_data is not None
    assert failure.user_failure_data.description == ("v9.9.9: no such version of sft-subset; known: latest, v1.0.0")
    assert launched.bytes_of("data/selected_subset") == before


# -- runs that were killed -------------------------------------------------------------------------------------------


def test_a_run_that_was_killed_is_closed(here: Project) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "materialize", "raw_data"],
        cwd=here.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    folder = here.root / ".dagster" / "running"
    while not list(folder.glob("[!.]*")):
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError("the run ended before it could be killed")
    process.kill()
    process.wait()
    with running.instance(here.root) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.STARTED  # as Dagster believes
        context = dg.build_sensor_context(instance=instance)
        said = sensors.dead_runs(context)
        assert isinstance(said, dg.SkipReason)
        assert run.run_id in str(said.skip_message)
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.FAILURE
        assert CLOSED in [e.dagster_event.message for e in instance.all_logs(run.run_id) if e.dagster_event]
        assert sensors.dead_runs(context) == dg.SkipReason("every run is alive")
    assert not list(folder.iterdir())


def test_a_run_that_works_is_left_alone(here: Project, ephemeral: dg.DagsterInstance) -> None:
    run = ephemeral.create_run_for_job(
        build_defs().resolve_job_def("select_subset"), status=dg.DagsterRunStatus.STARTED
    )
    with alive(here.root, run.run_id):
        assert close_dead_runs(ephemeral, here.root) == []
    assert close_dead_runs(ephemeral, here.root) == []  # it let go by itself: Dagster will hear how it ended
    again = ephemeral.get_run_by_id(run.run_id)
    assert again is not None
    assert again.status == dg.DagsterRunStatus.STARTED

"""Runs a Dagster job in this process and tells a listener what happens: the engine of the command line."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from assets.progress import Progress
from assets.workspace import exclusive
from orchestration import interrupts

# Where the UI looks for the runs of a job: the repository of the code location named in pyproject.toml.
REPOSITORY_TAG, REPOSITORY = ".dagster/repository", "__repository__@pickwise"

Listener = Callable[[str, str, float | None], None]
"""Called with what happened (`start`, `done`, `failed` or `note`), the step's name or the text, and the seconds."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run: the metadata of each asset, the seconds of each step, and the failures in words."""

    run_id: str
    success: bool
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    blocked: bool = False  # a check failed, and what comes after it did not run
    unexpected: str | None = None  # the text of an error that no user can mend


@contextmanager
def instance(root: Path) -> Iterator[dg.DagsterInstance]:
    """The project's own Dagster instance, the one that `make ui` shows."""
    os.chdir(root)  # the paths in dagster.yaml are relative to the project
    # Two first runs at once would both create the tables of the storage, and one of them would fail.
    with exclusive(root, lambda sentence: None, "storage"):
        opened = dg.DagsterInstance.from_config(str(root))
    with opened:
        yield opened


def run(
    root: Path,
    progress: Progress,
    listener: Listener,
    only: list[str] | None = None,
    config: dict[str, Any] | None = None,
) -> Outcome:
    """Run `select_subset`, or only some of its assets, to its end."""
    from orchestration.definitions import build_defs

    job = _job_of(only)
    run_config = {**(config or {}), "loggers": {"listener": {}}}
    defs = build_defs(
        jobs=[job],
        loggers={"listener": _listener_logger(listener)},
        progress=dg.ResourceDefinition.hardcoded_resource(progress),
    )
    with instance(root) as opened, interrupts.heard():
        result = defs.resolve_job_def(job.name).execute_in_process(
            instance=opened, raise_on_error=False, run_config=run_config, tags={REPOSITORY_TAG: REPOSITORY}
        )
    return outcome_of(result)


def _job_of(only: list[str] | None) -> Any:
    from orchestration.jobs import select_subset

    if only is None:
        return select_subset
    selection = dg.AssetSelection.assets(*only).without_checks()
    if "subset_version" in only:
        # The checks stand before the version, also where selected_subset was made by an earlier run.
        selection = selection | dg.AssetSelection.checks_for_assets("selected_subset")
    return dg.define_asset_job("materialize", selection)


def outcome_of(result: dg.ExecuteInProcessResult) -> Outcome:
    """What Dagster's events say of a run."""
    metadata: dict[str, dict[str, Any]] = {}
    seconds: dict[str, float] = {}
    failures: dict[str, str] = {}
    failed_checks: set[str] = set()
    blocked = False
    unexpected = None
    for event in result.all_events:
        step = event.step_key or ""
        if event.is_step_materialization:
            key = event.step_materialization_data.materialization.asset_key.to_user_string()
            metadata[key] = {name: value.value for name, value in event.materialization.metadata.items()}
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            # A warning stops nothing: where its step fails all the same, that is for another reason.
            if not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR:
                failed_checks.add(step)
        elif event.is_step_success:
            seconds[step] = event.step_success_data.duration_ms / 1000
        elif event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                failures[step] = data.user_failure_data.description
            elif data.error and "Interrupted" in str(data.error.cls_name):
                raise KeyboardInterrupt  # Ctrl-C; Dagster has closed the run properly
            elif step in failed_checks:
                blocked = True
            elif data.error:
                unexpected = data.error.to_string()
        elif event.is_failure and not failures and not blocked and unexpected is None:
            failures["run"] = event.message or "the run failed"
    return Outcome(result.run_id, result.success, metadata, seconds, failures, blocked, unexpected)


def _listener_logger(listener: Listener) -> dg.LoggerDefinition:
    def build(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("pickwise.run", level=logging.DEBUG)  # Dagster logs its events as DEBUG
        logger.addHandler(_Handler(listener))
        return logger

    return dg.LoggerDefinition(build, description="Tells the command line what happens.")


class _Handler(logging.Handler):
    """Hands the few events that a person wants to see to the listener."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is None:
            # Errors are told by the outcome; what Dagster itself logs as one is for its own log.
            if record.levelno == logging.WARNING:
                self._listener("note", str(meta.get("orig_message") or record.getMessage()), None)
        elif event.is_step_start:
            self._listener("start", event.step_key, None)
        elif event.is_step_success:
            self._listener("done", event.step_key, event.step_success_data.duration_ms / 1000)
        elif event.is_step_failure:
            self._listener("failed", event.step_key, None)

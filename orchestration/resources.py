"""What a run needs from outside: the workspace under its lock, progress in the run's log, and the version store.

One builder per resource; `definitions.py` puts them together, and tests or the command line put others in their place.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg

from assets.materializing import one_line_failures
from assets.progress import Advance
from assets.workspace import Workspace, exclusive, find_root
from orchestration.liveness import alive, close_dead_runs
from orchestration.versions import Versions

SECONDS_BETWEEN_LINES = 5.0


def project_root() -> Path:
    """The project that this process works on: the folder of the nearest settings file at or above the current one."""
    return find_root(Path.cwd())


@dg.resource(description="The project folder and its settings; held under a lock for the whole run.")
def workspace_resource(context: dg.InitResourceContext) -> Iterator[Workspace]:
    """Open the workspace for one run. A second run waits here until the first has ended."""
    log = context.log
    with one_line_failures():
        root = project_root()
    with _alive(context, root), exclusive(root, lambda sentence: log.warning(sentence) if log else None):
        with one_line_failures():
            workspace = Workspace.open(root)
        yield workspace


def _alive(context: dg.InitResourceContext, root: Path) -> AbstractContextManager[None]:
    """Closes runs that were killed, and tells others that this one lives."""
    if context.run is None or context.instance is None:
        return nullcontext()
    close_dead_runs(context.instance, root)
    return alive(root, context.run.run_id)


@dg.resource(description="Progress of long work, as lines in the run's log.")
def log_progress_resource(context: dg.InitResourceContext) -> "LogProgress":
    """Progress for runs that Dagster starts."""
    return LogProgress(context.log)


@dg.resource(description="Versions of the subset, kept by DVC, GTO and Git.")
def versions_resource(context: dg.InitResourceContext) -> Versions:
    """The version store of this project."""
    return Versions(project_root())


class LogProgress:
    """Writes a line every few seconds: how far a task has come, how fast, and how long it will take."""

    def __init__(self, log: Any) -> None:
        self._log = log

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "rows") -> Iterator[Advance]:
        """Open a task; see `assets.progress.Progress`."""
        started = last = time.monotonic()
        done = 0

        def advance(count: int) -> None:
            nonlocal done, last
            done += count
            now = time.monotonic()
            if now - last >= SECONDS_BETWEEN_LINES:
                last = now
                self._log.info(progress_line(title, done, total, unit, now - started))

        yield advance
        self._log.info(progress_line(title, done, None, unit, time.monotonic() - started))


def progress_line(title: str, done: int, total: int | None, unit: str, seconds: float) -> str:
    """One line such as `embedding: 12,000 of 52,002 rows, 231 rows/s, 2:53 left`."""
    rate = done / seconds if seconds > 0 else 0.0
    line = f"{title}: {done:,}" + (f" of {total:,}" if total else "") + f" {unit}, {rate:,.0f} {unit}/s"
    if total and rate > 0:
        left = round(max(0, total - done) / rate)
        line += f", {left // 60}:{left % 60:02d} left"
    return line

"""What a run needs from outside: the workspace under its lock, progress in the run's log, and the version store.

One builder per resource; `definitions.py` puts them together, and tests or the command line put others in their place.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import dagster as dg

from assets.materializing import one_line_failures
from assets.workspace import Workspace, exclusive, find_root
from orchestration.liveness import alive, close_dead_runs
from orchestration.progress_lines import ProgressLines
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
def log_progress_resource(context: dg.InitResourceContext) -> ProgressLines:
    """Progress for runs that Dagster starts."""
    log = context.log
    return ProgressLines(lambda line: log.info(line) if log else None, SECONDS_BETWEEN_LINES)


@dg.resource(description="Versions of the subset, kept by DVC, GTO and Git.")
def versions_resource(context: dg.InitResourceContext) -> Versions:
    """The version store of this project."""
    return Versions(project_root())

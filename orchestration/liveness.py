"""Which runs are still alive: a run whose process was killed is closed, so that it does not hold up the queue.

A run holds a file lock as long as it works; the operating system lets go of it however the process ends. So a run that
Dagster takes for unfinished, but whose lock is free, is dead.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from assets.workspace import HOME

FOLDER = "running"  # below the project's home: one file per run, named by its id
CLOSED = "the process of this run ended without a word: it was killed, ran out of memory, or the machine went down"


@contextmanager
def alive(root: Path, run_id: str) -> Iterator[None]:
    """Hold the lock of a run for the block."""
    path = root / HOME / FOLDER / run_id
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{run_id}")
    with fresh.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fresh.rename(path)  # only now under its name, so that nobody finds it without its lock
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def close_dead_runs(instance: dg.DagsterInstance, root: Path) -> list[str]:
    """Mark the runs as failed whose process is gone; returns their ids. Cost: one look at a small folder."""
    closed = []
    for path in sorted((root / HOME / FOLDER).glob("[!.]*")):
        try:
            with path.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                run = instance.get_run_by_id(path.name)
                if run is not None and not run.is_finished:
                    instance.report_run_failed(run, CLOSED)
                    closed.append(path.name)
                path.unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):
            continue  # it works, or has just ended
    return closed

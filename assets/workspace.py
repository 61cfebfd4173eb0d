"""The workspace: the project folder, its settings, and the lock that lets one run at a time write to it.

Every path below the project root is spelled here and nowhere else.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from assets import params, tables
from assets.errors import DataError, SettingsError
from assets.params import Params

SETTINGS = "params.yaml"
HOME = ".dagster"  # run storage, locks and caches; git-ignored


@dataclass(frozen=True)
class Workspace:
    """A project folder and the settings it was opened with."""

    root: Path
    params: Params
    _hashes: dict[tuple[str, int, int], str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """Read the settings of the project at `root`; raises `SettingsError`."""
        return cls(root, params.load(root / SETTINGS))

    def table(self, name: str) -> Path:
        """The folder of an asset's table."""
        return self.root / "data" / name

    @property
    def metrics(self) -> Path:
        """The folder of the figures and curves that DVC compares between versions."""
        return self.root / "data" / "metrics"

    @property
    def reports(self) -> Path:
        """The folder of what people read: Data Docs and the outcome of the checks."""
        return self.root / "data" / "reports"

    @cached_property
    def home(self) -> Path:
        """The git-ignored folder of everything that is neither data nor settings."""
        home = self.root / HOME
        home.mkdir(exist_ok=True)
        return home

    @property
    def vectors(self) -> Path:
        """The folder of the embedding cache."""
        return self.home / "vectors"

    def require(self, name: str) -> Path:
        """The folder of an upstream table; raises `DataError` when it has not been materialized."""
        folder = self.table(name)
        tables.recover(folder)
        if not folder.is_dir():
            raise DataError(f"data/{name} is missing: materialize {name} first (`pickwise run` does all in order)")
        return folder

    def content_hash(self, name: str) -> str:
        """The content hash of a table, reading only files that changed since this workspace last looked."""
        return tables.content_hash(self.require(name), self._file_hash)

    def _file_hash(self, path: Path) -> str:
        status = path.stat()
        key = (str(path), status.st_size, status.st_mtime_ns)
        if key not in self._hashes:
            self._hashes[key] = tables.file_md5(path)
        return self._hashes[key]


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds the settings file; raises `SettingsError`."""
    for folder in (start, *start.parents):
        if (folder / SETTINGS).is_file():
            return folder
    raise SettingsError(f"{SETTINGS}: not found in {start} or above it; run this inside a Pickwise project")


@contextmanager
def exclusive(root: Path, waiting: Callable[[str], None], name: str = "workspace") -> Iterator[None]:
    """Hold the workspace's lock (or another one, by `name`) for the block, so that two runs never write at once.

    If another run holds it, `waiting` is called once with a sentence, and this one queues. The operating system
    lets go of the lock when a process ends, however it ends.
    """
    home = root / HOME
    home.mkdir(exist_ok=True)
    with (home / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            waiting(f"another run is writing to this workspace ({file.read().strip() or 'unknown process'}); waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file, or None where there is none or it is not readable as one."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None

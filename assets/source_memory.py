"""Whether sources have changed since they were last asked for, without reading unchanged files again."""

from __future__ import annotations

from collections.abc import Sequence

from assets import sources, tables
from assets.source_params import Source
from assets.workspace import Workspace, read_json

_MEMORY = "source-files.json"


def fingerprint(read: Sequence[Source], workspace: Workspace) -> str:
    """A hash of the content of all of `read`; quick where no file has changed. Raises as `sources.fingerprint` does."""
    memory = workspace.home / _MEMORY
    known = {key: str(value) for key, value in (read_json(memory) or {}).items()}
    before = dict(known)
    found = sources.fingerprint(read, workspace.root, known)
    if known != before:
        tables.write_json(memory, known)
    return found

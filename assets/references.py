"""References: the rows of other files and of earlier versions that a pool is compared with.

They are read by the very readers of `raw_data`, so that an evaluation set may be in any format that training data may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assets import source_memory, sources, tables
from assets.dedup_params import Reference
from assets.versioning import VersionStore
from assets.workspace import Workspace

LATEST = "latest"
SCHEMA = pa.schema(
    [tables.RAW.field(name) for name in ("id", "source", "messages", "label", "extras", "file", "item", "format")]
)


@dataclass(frozen=True)
class References:
    """The rows (schema SCHEMA), and how many of the files' rows could not be read."""

    rows: pa.Table
    rejected: int


def read(references: Sequence[Reference], workspace: Workspace, versions: VersionStore) -> References:
    """All rows of `references`, in their order. Memory: all of them.

    Raises `SourceError` for a file that cannot be read and `VersionError` for a version that there is not.
    """
    found: list[pa.Table] = [SCHEMA.empty_table()]
    rejected = 0
    for reference in references:
        if reference.version == LATEST and not versions.versions():
            continue  # before the first version there is nothing that could come again
        if reference.version is not None:
            found.append(_version(reference.version, workspace.home, versions))
            continue
        for chunk in sources.read([reference], workspace.root):
            found.append(chunk.records.select(SCHEMA.names))
            rejected += chunk.rejected.num_rows
    return References(pa.concat_tables(found), rejected)


def _version(name: str, scratch: Path, versions: VersionStore) -> pa.Table:
    path = scratch / "reference.parquet"
    version = versions.fetch_subset(name, path)
    try:
        rows = pq.read_table(path, columns=[name for name in SCHEMA.names if name != "file"], partitioning=None)
    finally:
        path.unlink()
    # A row of a version is named by the version and its rank, not by the file it once came from.
    files = pa.array([version.tag] * rows.num_rows, pa.string())
    ranks = pa.array(range(1, rows.num_rows + 1), pa.int64())
    columns = {**{name: rows.column(name) for name in rows.column_names}, "file": files, "item": ranks}
    return pa.table({name: columns[name] for name in SCHEMA.names}).cast(SCHEMA)


def fingerprint(references: Sequence[Reference], workspace: Workspace, versions: VersionStore) -> str:
    """A hash that changes when a row of `references` may have changed; raises as `read` does."""
    parts = []
    for reference in references:
        if reference.version is None:
            parts.append(source_memory.fingerprint([reference], workspace))
        elif reference.version == LATEST and not versions.versions():
            parts.append("no version yet")
        else:
            parts.append(versions.find(reference.version).identity.rows_hash)
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()

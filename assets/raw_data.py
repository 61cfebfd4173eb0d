"""raw_data: every record of every source, in one schema; what could not be read, with file, line and reason."""

from collections import Counter
from pathlib import Path

import dagster as dg
import pyarrow as pa

from assets import code, materializing, plots, reporting, sources, tables
from assets.progress import Progress
from assets.reporting import Report
from assets.workspace import Workspace, read_json


@dg.asset(
    group_name="selection",
    kinds={"parquet", "huggingface"},
    code_version=code.code_version("raw_data"),
    pool="workspace",
)
def raw_data(
    workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Every record of every source in `params.yaml`, in one schema.

    A line that cannot be read is put into `rejected.parquet` with its file, line and reason; a file of which nothing
    can be read stops the run and is named.
    """
    with materializing.one_line_failures():
        fingerprint = source_fingerprint(workspace)
    return materializing.materialize(
        workspace,
        "raw_data",
        lambda folder: _produce(workspace, progress, folder),
        settings=["raw_data"],
        extra=fingerprint,
    )


def source_fingerprint(workspace: Workspace) -> str:
    """A hash of the content of all sources; quick when no file has changed since it was last asked for."""
    memory = workspace.home / "source-files.json"
    known = {key: str(value) for key, value in (read_json(memory) or {}).items()}
    before = dict(known)
    fingerprint = sources.fingerprint(workspace.params.raw_data.sources, workspace.root, known)
    if known != before:
        tables.write_json(memory, known)
    return fingerprint


def is_up_to_date(workspace: Workspace, fingerprint: str) -> bool:
    """Whether the table holds what the sources with this fingerprint, and the present settings, call for."""
    return materializing.is_up_to_date(workspace, "raw_data", settings=["raw_data"], extra=fingerprint)


def _produce(workspace: Workspace, progress: Progress, folder: Path) -> Report:
    read = workspace.params.raw_data.sources
    writer = tables.ShardWriter(folder, tables.RAW)
    rejected = [tables.REJECTED.empty_table()]
    with progress.task("reading", sources.size(read, workspace.root), "bytes") as advance:
        for chunk in sources.read(read, workspace.root, advance):
            writer.write(chunk.records)
            rejected.append(chunk.rejected)
    writer.close()
    tables.write_parquet(pa.concat_tables(rejected), folder / "rejected.parquet")
    return report(tables.read(folder), pa.concat_tables(rejected))


def report(records: pa.Table, rejected: pa.Table) -> Report:
    """What there is to say about the records that were read and those that were not."""
    reasons = _counted(rejected.column("reason").to_pylist())
    origins = _counted(records.column("source").to_pylist())
    formats = _counted(records.column("format").to_pylist())
    labels = records.column("label")
    return Report(
        rows=records.num_rows,
        facts={
            "rejected": rejected.num_rows,
            "sources": len(origins),
            "labelled": records.num_rows - labels.null_count,
            "classes": len(labels.unique().drop_null()),
        },
        preview=reporting.preview(records.slice(0, reporting.PREVIEW_ROWS).to_pylist()),
        schema=reporting.columns(tables.RAW),
        counts={"source": origins, "format": formats, "rejection": reasons},
        pictures={"records by source": reporting.picture(plots.bars(origins, "rows"))},
        metrics={"rows": records.num_rows, "rejected": dict(reasons)},
    )


def _counted(values: list[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))

"""raw_data: every record of every source, in one schema; what could not be read, with file, line and reason."""

from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from assets import code, drops, losses, materializing, plots, reporting, source_memory, sources, tables
from assets.drops import Drops
from assets.ledger import LedgerWriter
from assets.progress import Progress
from assets.reporting import Report
from assets.workspace import Workspace


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
    return source_memory.fingerprint(workspace.params.raw_data.sources, workspace)


def is_up_to_date(workspace: Workspace, fingerprint: str) -> bool:
    """Whether the table holds what the sources with this fingerprint, and the present settings, call for."""
    return materializing.is_up_to_date(workspace, "raw_data", settings=["raw_data"], extra=fingerprint)


def _produce(workspace: Workspace, progress: Progress, folder: Path) -> Report:
    read = workspace.params.raw_data
    tally = Tally()
    writer = tables.ShardWriter(folder, tables.RAW)
    with progress.task("reading", sources.size(read.sources, workspace.root), "bytes") as advance:
        ledger = LedgerWriter(folder / "rejected.parquet")
        for chunk in sources.read(read.sources, workspace.root, advance, read.max_item_chars):
            writer.write(chunk.records)
            ledger.write(chunk.rejected)
            tally.add(chunk.records)
    writer.close()
    return report(tally, ledger.close(kept=tally.sources))


class Tally:
    """What there is to say about the records, gathered chunk by chunk."""

    def __init__(self) -> None:
        self.rows = 0
        self.sources: Counter[str] = Counter()
        self.formats: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.preview: list[dict[str, Any]] = []

    def add(self, records: pa.Table) -> None:
        """Count the rows of a chunk."""
        self.rows += records.num_rows
        for counter, name in ((self.sources, "source"), (self.formats, "format"), (self.labels, "label")):
            for each in pc.value_counts(records.column(name)).to_pylist():
                if each["values"] is not None:
                    counter[each["values"]] += each["counts"]
        if (missing := reporting.PREVIEW_ROWS - len(self.preview)) > 0:
            self.preview += records.slice(0, missing).to_pylist()


def report(tally: Tally, rejected: Drops) -> Report:
    """What there is to say about the records that were read and those that were not."""
    reasons = rejected.by_reason()
    origins = _sorted(tally.sources)
    return Report(
        rows=tally.rows,
        facts={
            "rejected": sum(reasons.values()),
            "sources": len(origins),
            "labelled": sum(tally.labels.values()),
            "classes": len(tally.labels),
        },
        preview=reporting.preview(tally.preview),
        schema=reporting.columns(tables.RAW),
        counts={"source": origins, "format": _sorted(tally.formats), "rejection": reasons},
        tables={"rejections by source": rejected.table(drops.BEFORE_STEPS)} if rejected.total else {},
        warnings=losses.warning_lines(rejected.losing_sources(), losses.REJECTED),
        pictures={"records by source": reporting.picture(plots.bars(origins, "rows"))},
        metrics={"rows": tally.rows, **rejected.metrics("rejected")},
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

"""cleaned_data: the sound records, normalised and without duplicates; every dropped row with its reason."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets import code, engine, materializing, plots, reporting, tables
from assets.methods import cleaning
from assets.methods.dedup import ExactDuplicates
from assets.progress import Progress
from assets.reporting import Report
from assets.workspace import Workspace

ASSESSED = pa.schema(
    [
        pa.field("clean_id", pa.string()),
        pa.field("clean_messages", tables.MESSAGES),
        pa.field("key", pa.binary()),
        pa.field("reason", pa.string()),
        pa.field("value", pa.string()),
        pa.field("threshold", pa.string()),
    ]
)
KEEP = ("id", "source", "label", "attributes", "file", "line")


@dg.asset(
    deps=["raw_data"],
    group_name="selection",
    kinds={"daft", "parquet"},
    code_version=code.code_version("cleaned_data"),
    pool="workspace",
)
def cleaned_data(
    workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """The sound records: normalised, within bounds, with an answer, each once.

    Every row that is left out stands in `dropped.parquet` with the reason, the value, the bound and, for a duplicate,
    the id of the row that was kept.
    """
    return materializing.materialize(
        workspace,
        "cleaned_data",
        lambda folder: _produce(workspace, progress, folder),
        upstream=["raw_data"],
        settings=["cleaned_data"],
    )


def _produce(workspace: Workspace, progress: Progress, folder: Path) -> Report:
    settings = workspace.params.cleaned_data
    rules = cleaning.Rules(settings.min_chars, settings.max_chars, settings.placeholders)
    raw = workspace.require("raw_data")
    writer = tables.ShardWriter(folder, tables.CLEANED)
    dropped = [tables.DROPPED.empty_table()]
    seen = ExactDuplicates()
    with progress.task("cleaning", tables.count_rows(raw)) as advance:
        assessed = engine.map_rows(raw, ["messages", "label"], lambda t: assess(t, rules), ASSESSED, KEEP)
        for kept, lost in split(assessed, seen):
            writer.write(kept)
            dropped.append(lost)
            advance(kept.num_rows + lost.num_rows)
    writer.close()
    lost = pa.concat_tables(dropped)
    tables.write_parquet(lost, folder / "dropped.parquet")
    return report(tables.read(folder), lost)


def assess(batch: pa.Table, rules: cleaning.Rules) -> pa.Table:
    """For each row its normalised turns and their id, its duplicate key, and the fault it is dropped for, if any."""
    rows = []
    for turns, label in zip(batch.column("messages").to_pylist(), batch.column("label").to_pylist(), strict=True):
        clean = cleaning.normalise_turns(turns)
        fault = cleaning.fault(clean, rules)
        rows.append(
            {
                "clean_id": tables.record_id(clean, label),
                "clean_messages": clean,
                "key": cleaning.duplicate_key(clean, label),
                "reason": fault.reason if fault else None,
                "value": tables.escape(fault.value) if fault else None,
                "threshold": fault.threshold if fault else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=ASSESSED)


def split(batches: Iterator[pa.Table], seen: ExactDuplicates) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Part each assessed batch into the rows of cleaned_data and of `dropped.parquet`."""
    for batch in batches:
        sound = batch.filter(pc.is_null(batch.column("reason")))
        unsound = batch.filter(pc.is_valid(batch.column("reason")))
        kept_ids = pa.array(
            seen.kept_ids(sound.column("key").to_pylist(), sound.column("clean_id").to_pylist()), pa.string()
        )
        repeats = sound.filter(pc.is_valid(kept_ids))
        duplicate = repeats.set_column(
            repeats.schema.get_field_index("reason"), "reason", pa.array(["duplicate"] * len(repeats), pa.string())
        )
        lost = pa.concat_tables(
            [_dropped(unsound, pa.nulls(len(unsound), pa.string())), _dropped(duplicate, kept_ids.drop_null())]
        )
        yield _kept(sound.filter(pc.is_null(kept_ids))), lost.sort_by([("file", "ascending"), ("line", "ascending")])


def _kept(rows: pa.Table) -> pa.Table:
    names = {"id": "clean_id", "messages": "clean_messages", "raw_id": "id"}
    return pa.table({field.name: rows.column(names.get(field.name, field.name)) for field in tables.CLEANED})


def _dropped(rows: pa.Table, kept_ids: pa.Array) -> pa.Table:
    texts = [
        tables.escape(" ".join(turn["content"] for turn in turns))
        for turns in rows.column("clean_messages").to_pylist()
    ]
    computed = {"kept_id": kept_ids, "text": pa.array(texts, pa.string())}
    columns = {
        f.name: computed.get(f.name, rows.column(f.name) if f.name in rows.column_names else None)
        for f in tables.DROPPED
    }
    return pa.table(columns).cast(tables.DROPPED)


def report(kept: pa.Table, dropped: pa.Table) -> Report:
    """What there is to say about the rows that stayed and those that did not."""
    reasons = dict(sorted(Counter(dropped.column("reason").to_pylist()).items(), key=lambda item: -item[1]))
    labels = [label if label is not None else "(no label)" for label in kept.column("label").to_pylist()]
    classes = dict(Counter(labels).most_common())
    length = lengths(kept.column("messages"))
    pictures = {"length": plots.histogram(length, "characters per record", log=True)}
    if len(classes) > 1:
        pictures["rows by class"] = plots.bars(classes, "rows")
    return Report(
        rows=kept.num_rows,
        facts={
            "dropped": dropped.num_rows,
            "median length": float(np.median(length)) if len(length) else 0.0,
            "same text with several labels": conflicts(kept),
        },
        preview=reporting.preview(kept.slice(0, reporting.PREVIEW_ROWS).to_pylist()),
        schema=reporting.columns(tables.CLEANED),
        counts={"reason for dropping": reasons, "class": classes},
        pictures={name: reporting.picture(png) for name, png in pictures.items()},
        metrics={"rows": kept.num_rows, "dropped": dict(reasons)},
    )


def lengths(messages: pa.ChunkedArray) -> np.ndarray:
    """Characters of all turns of each record (int64)."""
    messages = messages.combine_chunks() if isinstance(messages, pa.ChunkedArray) else messages
    sizes = pc.utf8_length(pc.struct_field(messages.flatten(), "content")).to_numpy(zero_copy_only=False)
    turns = pc.list_value_length(messages).to_numpy(zero_copy_only=False)
    ends = np.cumsum(turns)
    totals = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    return np.asarray(totals[ends] - totals[ends - turns], dtype=np.int64)


def conflicts(kept: pa.Table) -> int:
    """How many texts stand in the table more than once, with different labels."""
    keys = Counter(cleaning.duplicate_key(turns, None) for turns in kept.column("messages").to_pylist())
    return sum(1 for count in keys.values() if count > 1)

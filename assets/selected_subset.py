"""selected_subset: the rows to train on, ranked, each with its gain and the reason why it was chosen."""

import dataclasses
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assets import code, embeddings, materializing, references, selection_inputs, tables, targets, token_counts
from assets.errors import DataError
from assets.methods import writing
from assets.methods.conversations import characters
from assets.methods.formats import ParsedRecord
from assets.methods.selecting import reasons
from assets.methods.selecting.filling import PHASES
from assets.methods.selecting.select import Selection, select
from assets.methods.values import UnfitError
from assets.progress import Progress
from assets.reporting import Report
from assets.selection_columns import NO_LABEL, Columns
from assets.selection_inputs import Inputs, Previous
from assets.selection_params import SelectedSubset, TokenBudget
from assets.selection_report import Chosen, manifest, report
from assets.versioning import Version, VersionStore
from assets.workspace import Workspace, read_json

__all__ = ["NO_LABEL", "selected_subset"]

UPSTREAM = ("cleaned_data", "embeddings", "uncertainty_scores", "cluster_assignments")
# The sections of the settings that shape the subset; the manifest records them.
SETTINGS = ("raw_data", "cleaned_data", "embeddings", "uncertainty_scores", "cluster_assignments", "selected_subset")
NOT_SELECTED = "not_selected.parquet"


@dg.asset(
    deps=list(UPSTREAM),
    group_name="selection",
    kinds={"numba", "parquet"},
    code_version=code.code_version("selected_subset"),
    pool="workspace",
)
def selected_subset(
    workspace: dg.ResourceParam[Workspace],
    progress: dg.ResourceParam[Progress],
    versions: dg.ResourceParam[VersionStore],
) -> dg.MaterializeResult[None]:
    """The rows to train on: filters, then the greatest coverage times scores under a budget and quotas.

    `subset.parquet` is ranked, with gain and reason; every prefix of it is a subset too. `subset.jsonl` holds the
    messages, ready for a trainer; `not_selected.parquet` says of every other row what it lost to; and `manifest.json`
    what exactly was chosen from what, and how.
    """
    with materializing.one_line_failures():
        settings = workspace.params.selected_subset
        previous = find_previous(workspace, versions)
        extra = fingerprint(settings, workspace, versions, previous)
    return materializing.materialize(
        workspace,
        "selected_subset",
        lambda folder: _produce(workspace, progress, versions, previous, folder),
        upstream=UPSTREAM,
        # All of them, not only its own: the manifest names the settings behind the whole subset.
        settings=SETTINGS,
        extra=extra,
    )


def fingerprint(
    settings: SelectedSubset, workspace: Workspace, versions: VersionStore, previous: Version | None
) -> str:
    """A hash that changes when what the settings name beside the tables does. Raises as reading it would."""
    parts = [targets.fingerprint(name, target, workspace, versions) for name, target in settings.targets.items()]
    if isinstance(settings.budget, TokenBudget):
        parts.append(token_counts.fingerprint(settings.budget, workspace))
    for key, entries in (("include", settings.include), ("exclude", settings.exclude)):
        for entry in entries:
            if not selection_inputs.is_id(entry):
                parts.append("\n".join(selection_inputs.read_list(entry, workspace, key)))
    parts.append(previous.tag if previous else "")
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def find_previous(workspace: Workspace, versions: VersionStore) -> Version | None:
    """The version whose rows are started from; None if the settings name none, or before the first one.

    `latest` is not followed for its own sake: where the present subset was made by the same settings of the same
    tables, it was made from the version that it names, and starting from itself would change it again.
    """
    name = workspace.params.selected_subset.previous
    if name is None or (name == references.LATEST and not versions.versions()):
        return None
    if name == references.LATEST:
        made = read_json(workspace.table("selected_subset") / "manifest.json") or {}
        if all(made.get(part) == value for part, value in _made_of(workspace).items()):
            started = made.get("previous")
            if started is None:
                return None
            name = str(started["version"])
    return versions.find(name)


def read_previous(version: Version, workspace: Workspace, versions: VersionStore) -> Previous:
    """The rows of a version, by their ids. Raises `VersionError` where its data cannot be had."""
    path = workspace.home / "previous.parquet"
    versions.fetch_subset(version.name, path)
    try:
        ids = pq.read_table(path, columns=["id"], partitioning=None).column("id").to_pylist()
    finally:
        path.unlink(missing_ok=True)
    return Previous(version.tag, version.name, frozenset(ids))


def _made_of(workspace: Workspace) -> dict[str, Any]:
    """What a selection depends on, but for the version that it starts from."""
    return {
        "settings": workspace.params.model_dump(mode="json", include={"seed", *SETTINGS}),
        "inputs": {name: workspace.content_hash(name) for name in ("raw_data", *UPSTREAM)},
        "code": {name: code.code_version(name) for name in SETTINGS},
        "packages": code.package_versions(),
    }


def _produce(
    workspace: Workspace, progress: Progress, versions: VersionStore, version: Version | None, folder: Path
) -> Report:
    columns, vectors = read_pool(workspace)
    previous = read_previous(version, workspace, versions) if version else None
    settings = workspace.params.selected_subset
    pool_hash = "\n".join(workspace.content_hash(name) for name in ("cleaned_data", "embeddings"))
    inputs = selection_inputs.gather(columns, vectors, settings, workspace, progress, versions, previous, pool_hash)
    with progress.task("selecting", len(inputs.rows)) as advance:
        try:
            chosen = select(inputs.pool, inputs.wanted, advance)
        except DataError as error:
            raise DataError(selection_inputs.at("selected_subset", error)) from None
    rows = inputs.rows[chosen.indices]
    subset = as_table(columns, inputs, chosen)
    tables.write_parquet(subset, folder / "subset.parquet")
    others = not_selected(columns, inputs, chosen)
    tables.write_parquet(others, folder / NOT_SELECTED)
    why_not = dict(sorted(Counter(others.column("reason").to_pylist()).items()))
    notes = [*inputs.notes, *chosen.notes]
    if as_text := write_jsonl(folder / "subset.jsonl", subset):
        notes.append(f"{as_text:,} rows whose calls of tools were changed in cleaning are text in subset.jsonl")
    found = Chosen(columns, inputs, chosen, subset, rows, vectors, previous, tuple(notes), settings, why_not)
    model = read_json(workspace.require("embeddings") / "model.json")
    said = manifest(found, folder) | {"model": model} | _made_of(workspace)
    tables.write_json(folder / "manifest.json", said)
    return report(found)


def read_pool(workspace: Workspace) -> tuple[Columns, np.ndarray]:
    """Read the four upstream tables; raises `DataError` when they do not belong together."""
    records = tables.read(workspace.require("cleaned_data"))
    if not records.num_rows:
        raise DataError("data/cleaned_data has no rows to choose from; see its dropped.parquet for the reasons")
    ids = records.column("id").to_pylist()
    vectors = embeddings.aligned(workspace, ids)
    scores, clusters = (tables.read(workspace.require(name)) for name in ("uncertainty_scores", "cluster_assignments"))
    for name, table in (("uncertainty_scores", scores), ("cluster_assignments", clusters)):
        if table.column("id").to_pylist() != ids:
            raise DataError(f"data/{name} belongs to another state of cleaned_data: materialize {name} again")
    return Columns(workspace, records, scores, clusters, workspace.params.seed), vectors


def as_table(columns: Columns, inputs: Inputs, chosen: Selection) -> pa.Table:
    """The subset in rank order."""
    rows = inputs.rows[chosen.indices]
    picked = columns.records.take(pa.array(rows))
    names = [score.name for score in inputs.wanted.scores]
    contributions = [list(zip(names, each, strict=True)) for each in chosen.contributions.tolist()]
    made = {
        "rank": pa.array(range(1, len(rows) + 1), pa.int64()),
        "gain": pa.array(chosen.gains, pa.float64()),
        "reason": pa.array(reasons.chosen(inputs.pool, inputs.wanted, chosen), pa.string()),
        "cluster": columns.clusters.column("cluster").take(pa.array(rows)),
        "length": pa.array(characters(picked.column("messages")), pa.int64()),
        "tokens": pa.array(inputs.tokens[rows]) if inputs.tokens is not None else pa.nulls(len(rows), pa.int64()),
        "phase": pa.array([PHASES[phase] for phase in chosen.phases.tolist()], pa.string()),
        "contributions": pa.array(contributions, tables.SUBSET.field("contributions").type),
        "covers": pa.array(chosen.covers, pa.int64()),
        "targets": pa.array(_targets(inputs, rows), tables.TARGETS),
    }
    return pa.table({f.name: made[f.name] if f.name in made else picked.column(f.name) for f in tables.SUBSET}).cast(
        tables.SUBSET
    )


def _targets(inputs: Inputs, rows: np.ndarray) -> list[list[dict[str, Any]]]:
    """How alike each of `rows` is to each target, and to which item most; null where it cannot be told."""

    def number(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return [
        [
            {
                "target": name,
                "best": number(likeness.best[row]),
                "mean": number(likeness.mean[row]),
                "item": likeness.items[likeness.item[row]] if likeness.item[row] >= 0 else None,
            }
            for name, likeness in inputs.likeness.items()
        ]
        for row in rows.tolist()
    ]


def not_selected(columns: Columns, inputs: Inputs, chosen: Selection) -> pa.Table:
    """Every row of cleaned_data that is not in the subset, in their order, with what it lost to."""
    lost = reasons.not_chosen(inputs.pool, inputs.wanted, chosen)
    ids = inputs.pool.ids
    entries: dict[int, tuple[str, str, str | None, float | None]] = {
        row: (reason, detail, None, None) for row, (reason, detail) in inputs.removed.items()
    }
    similarity = chosen.similarity[lost.rows].tolist()
    places = inputs.rows[lost.rows].tolist()
    for place, reason, detail, to, cosine in zip(
        places, lost.reasons, lost.details, lost.to.tolist(), similarity, strict=True
    ):
        entries[place] = (reason, detail, ids[to] if to >= 0 else None, None if np.isnan(cosine) else cosine)
    rows = sorted(entries)
    records = columns.records.select(["id", "source", "label"]).take(pa.array(rows, pa.int64()))
    parts = list(zip(*(entries[row] for row in rows), strict=True)) or [(), (), (), ()]
    return pa.table(
        {
            **{name: records.column(name) for name in records.column_names},
            **dict(zip(("reason", "detail", "lost_to", "similarity"), map(list, parts), strict=True)),
        },
        schema=tables.NOT_SELECTED,
    )


def write_jsonl(path: Path, subset: pa.Table) -> int:
    """One JSON object per row, in rank order: messages, tools, and the label, where there are such.

    Calls of tools have the structure that they were read with. Where cleaning changed their text so that they have none
    any more, they stay text; returns the number of such rows.
    """
    as_text = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in subset.select(["messages", "label", "extras"]).to_pylist():
            record = ParsedRecord(row["messages"], row["label"], {}, dict(row["extras"]))
            try:
                item = writing.to_item(record, "messages")
            except UnfitError:
                as_text += 1
                item = _as_text(record)
            file.write(json.dumps(item, ensure_ascii=False) + "\n")
    return as_text


def _as_text(record: ParsedRecord) -> dict[str, Any]:
    """The item of a record whose calls of tools cannot be told any more; the tools stay if they can."""
    tools = {name: text for name, text in record.extras.items() if name.startswith("tools")}
    try:
        return writing.to_item(dataclasses.replace(record, extras=tools), "messages")
    except UnfitError:
        return writing.to_item(dataclasses.replace(record, extras={}), "messages")

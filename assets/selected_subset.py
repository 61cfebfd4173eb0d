"""selected_subset: the rows to train on, ranked, each with its gain and the reason why it was chosen."""

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa

from assets import code, embeddings, materializing, plots, reporting, tables
from assets.errors import DataError
from assets.methods import balance, selection, writing
from assets.methods.conversations import characters
from assets.methods.formats import ParsedRecord
from assets.methods.values import UnfitError
from assets.params import SelectedSubset
from assets.progress import Advance, Progress
from assets.reporting import Report
from assets.workspace import Workspace, read_json

NO_LABEL = "(no label)"
UPSTREAM = ("cleaned_data", "embeddings", "uncertainty_scores", "cluster_assignments")
# The sections of the settings that shape the subset; the manifest records them.
SETTINGS = ("raw_data", "cleaned_data", "embeddings", "uncertainty_scores", "cluster_assignments", "selected_subset")


@dg.asset(
    deps=list(UPSTREAM),
    group_name="selection",
    kinds={"numba", "parquet"},
    code_version=code.code_version("selected_subset"),
    pool="workspace",
)
def selected_subset(
    workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """The rows to train on: class quotas, noisy labels left out, then facility location weighted by a score.

    `subset.parquet` is ranked, with gain and reason; every prefix of it is a subset too. `subset.jsonl` holds the
    messages, ready for a trainer, and `manifest.json` says what exactly was chosen from what, and how.
    """
    return materializing.materialize(
        workspace,
        "selected_subset",
        lambda folder: _produce(workspace, progress, folder),
        upstream=UPSTREAM,
        # All of them, not only its own: the manifest names the settings behind the whole subset.
        settings=SETTINGS,
    )


@dataclass(frozen=True)
class Pool:
    """The candidates, aligned by row: records, what they are grouped by, vectors, scores and clusters."""

    records: pa.Table
    grouped_by: str
    groups: list[str]
    vectors: np.ndarray
    scores: pa.Table
    clusters: pa.Table

    @property
    def ids(self) -> list[str]:
        """The record ids, in row order."""
        ids: list[str] = self.records.column("id").to_pylist()
        return ids


def _produce(workspace: Workspace, progress: Progress, folder: Path) -> Report:
    pool = read_pool(workspace)
    settings = workspace.params.selected_subset
    rows = resolve_budget(settings.budget, len(pool.groups))
    sizes = dict(Counter(pool.groups))
    try:
        apportionment = balance.apportion(sizes, settings.quota, rows)
    except DataError as error:
        raise DataError(f"selected_subset.quota: {error}") from None
    with progress.task("selecting", rows) as advance:
        chosen = choose(pool, settings, apportionment.seats, workspace.params.seed, advance)
    subset = as_table(pool, chosen)
    tables.write_parquet(subset, folder / "subset.parquet")
    if as_text := write_jsonl(folder / "subset.jsonl", subset):
        note = f"{as_text:,} rows whose calls of tools were changed in cleaning are text in subset.jsonl"
        apportionment = dataclasses.replace(apportionment, notes=(*apportionment.notes, note))
    tables.write_json(folder / "manifest.json", manifest(workspace, pool, subset, folder, apportionment.notes, chosen))
    return report(pool, subset, chosen, apportionment.notes)


def read_pool(workspace: Workspace) -> Pool:
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
    labels = records.column("label").to_pylist()
    if any(label is not None for label in labels):
        return Pool(records, "label", [NO_LABEL if v is None else v for v in labels], vectors, scores, clusters)
    return Pool(records, "source", records.column("source").to_pylist(), vectors, scores, clusters)


def resolve_budget(budget: int | float, rows: int) -> int:
    """The budget in rows; a share is rounded, but never to none. Raises `DataError` when the pool is too small."""
    if isinstance(budget, int):
        if budget > rows:
            raise DataError(
                f"selected_subset.budget: {budget} rows asked for, but the cleaned pool has {rows}; "
                f"expected at most {rows}, or a share such as 0.1"
            )
        return budget
    return max(1, round(budget * rows))


def choose(
    pool: Pool, settings: SelectedSubset, seats: dict[str, int], seed: int, advance: Advance
) -> selection.Selection:
    """Pick the rows: candidates, weights and seats go to the optimiser."""
    by_label = set(pool.scores.column("target").unique().to_pylist()) == {"label"}
    suspected = pool.scores.column("suspected_label").is_valid().to_numpy() & by_label & settings.noise_filter
    return selection.select(
        vectors=pool.vectors,
        ids=pool.ids,
        groups=pool.groups,
        seats=seats,
        candidates=~suspected,
        weights=weights(pool.scores, settings.score, by_label) * source_weights(pool.records),
        block_rows=settings.block_rows,
        seed=seed,
        advance=advance,
    )


def weights(scores: pa.Table, score: str, by_label: bool) -> np.ndarray:
    """What multiplies the coverage gain of each row: 0 < weight ≤ 1, higher = rather chosen; 1 where there is no score.

    Uncertainty (entropy, 1 - margin) counts from half weight to full, so that it tips the scales without filling the
    subset with outliers.
    """
    rows = scores.num_rows
    if score == "none" or (score == "label_quality" and not by_label):
        return np.ones(rows)
    values = scores.column(score).to_numpy(zero_copy_only=False).astype(np.float64)
    known = np.isfinite(values)
    result = np.ones(rows)
    if not known.any():
        return result
    if score == "label_quality":
        result[known] = np.clip(values[known], 1e-6, 1.0)
    else:
        uncertain = values[known] / max(values[known].max(), 1e-12)
        result[known] = 0.5 + 0.5 * (uncertain if score == "entropy" else 1 - uncertain)
    return result


def source_weights(records: pa.Table) -> np.ndarray:
    """What the `weight` of each row's source makes of its gain: 1 for the heaviest, less for the others."""
    given = records.column("weight").to_numpy(zero_copy_only=False)
    return np.asarray(given / given.max(), dtype=np.float64)


def as_table(pool: Pool, chosen: selection.Selection) -> pa.Table:
    """The subset in rank order."""
    picked = pool.records.take(pa.array(chosen.indices))
    clusters = pool.clusters.column("cluster").take(pa.array(chosen.indices))
    columns = {
        "rank": pa.array(range(1, len(chosen.indices) + 1), pa.int64()),
        "gain": pa.array(chosen.gains, pa.float64()),
        "reason": pa.array(chosen.reasons, pa.string()),
        "cluster": clusters,
        "length": pa.array(characters(picked.column("messages")), pa.int64()),
    }
    return pa.table(
        {f.name: columns.get(f.name) if f.name in columns else picked.column(f.name) for f in tables.SUBSET}
    ).cast(tables.SUBSET)


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


def manifest(
    workspace: Workspace,
    pool: Pool,
    subset: pa.Table,
    folder: Path,
    notes: tuple[str, ...],
    chosen: selection.Selection,
) -> dict[str, object]:
    """What was chosen from what, and how: enough to do it again."""
    labels = [NO_LABEL if label is None else label for label in subset.column("label").to_pylist()]
    return {
        "rows_hash": tables.file_md5(folder / "subset.parquet"),
        "rows": subset.num_rows,
        "pool_rows": pool.records.num_rows,
        "classes": dict(Counter(labels)),
        "sources": dict(Counter(subset.column("source").to_pylist())),
        "grouped_by": pool.grouped_by,
        "notes": [*notes, *chosen.notes],
        "settings": workspace.params.model_dump(mode="json", include={"seed", *SETTINGS}),
        "inputs": {name: workspace.content_hash(name) for name in ("raw_data", *UPSTREAM)},
        "model": read_json(workspace.require("embeddings") / "model.json"),
        "code": {name: code.code_version(name) for name in SETTINGS},
        "packages": code.package_versions(),
    }


def report(pool: Pool, subset: pa.Table, chosen: selection.Selection, notes: tuple[str, ...]) -> Report:
    """What there is to say about the subset."""
    before, after = Counter(pool.groups), Counter(pool.groups[i] for i in chosen.indices)
    shares = [{name: count / sum(counter.values()) for name, count in counter.items()} for counter in (before, after)]
    classes: list[dict[str, reporting.Cell]] = [
        {
            "class": tables.escape(name, 80),
            "pool": before[name],
            "pool share": round(shares[0][name], 6),
            "subset": after[name],
            "subset share": round(shares[1].get(name, 0.0), 6),
        }
        for name in sorted(before, key=lambda name: (-before[name], name))
    ]
    positions = np.column_stack([pool.clusters.column(axis).to_numpy() for axis in ("x", "y")])
    mask = np.zeros(len(positions), dtype=bool)
    mask[chosen.indices] = True
    groups = pool.clusters.column("cluster").to_numpy()
    pictures = {
        f"{pool.grouped_by} before and after": plots.paired_bars(
            shares[0], shares[1], ("pool", "subset"), "percent of rows"
        ),
        "map": plots.scatter(positions, groups, mask),
        "gain": plots.curve(chosen.gains, "gain", "rank"),
    }
    covered = len(set(subset.column("cluster").to_pylist()))
    return Report(
        rows=subset.num_rows,
        facts={
            "pool rows": pool.records.num_rows,
            "share of the pool": subset.num_rows / pool.records.num_rows,
            "quotas by": pool.grouped_by,
            "classes": len(after),
            "clusters covered": f"{covered} of {len(np.unique(groups))}",
            "suspected labels left out": chosen.left_out,
            "notes": "; ".join([*notes, *chosen.notes]) or "none",
        },
        preview=reporting.preview(subset.slice(0, reporting.PREVIEW_ROWS).to_pylist()),
        schema=reporting.columns(tables.SUBSET),
        counts={pool.grouped_by: dict(after)},
        pictures={name: reporting.picture(png) for name, png in pictures.items()},
        metrics={
            "rows": subset.num_rows,
            "share": subset.num_rows / pool.records.num_rows,
            "classes": len(after),
            "clusters_covered": covered,
            "total_gain": float(np.sum(chosen.gains)),
            "suspected_labels_left_out": chosen.left_out,
        },
        curves={
            "classes.csv": classes,
            "gain.csv": [{"rank": i + 1, "gain": float(g)} for i, g in enumerate(chosen.gains)],
        },
    )

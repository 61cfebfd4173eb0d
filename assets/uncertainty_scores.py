"""uncertainty_scores: how sure a linear probe is of each record, one column per measure."""

from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa

from assets import code, embeddings, materializing, plots, reporting, tables
from assets.methods import uncertainty
from assets.progress import Progress
from assets.reporting import Report
from assets.workspace import Workspace

DIRECTIONS = {
    "entropy": "bits; higher = the probe hesitates between more classes",
    "least_confidence": "0 to 1; higher = the probe is less sure of its best guess",
    "margin": "0 to 1; lower = the probe's two best guesses are closer together",
    "cross_entropy": "bits; higher = the given label surprises the probe more",
    "label_quality": "0 to 1; higher = the probe, which never saw this row, agrees with its label",
}


@dg.asset(
    deps=["cleaned_data", "embeddings"],
    group_name="selection",
    kinds={"scikitlearn", "parquet"},
    code_version=code.code_version("uncertainty_scores"),
    pool="workspace",
)
def uncertainty_scores(
    workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Out-of-fold uncertainty of a linear probe on the embeddings: entropy, least confidence, margin, cross-entropy
    and label quality, with the label that the probe would rather have given.

    The probe predicts the label; without labels the source; with one source only, every score is null and says why.
    """
    return materializing.materialize(
        workspace,
        "uncertainty_scores",
        lambda folder: _produce(workspace, progress, folder),
        upstream=["cleaned_data", "embeddings"],
        settings=["uncertainty_scores"],
    )


def _produce(workspace: Workspace, progress: Progress, folder: Path) -> Report:
    settings = workspace.params.uncertainty_scores
    cleaned = tables.read(workspace.require("cleaned_data"), ["id", "source", "label"])
    ids = cleaned.column("id").to_pylist()
    target, labels, note = choose_target(
        cleaned.column("label").to_pylist(), cleaned.column("source").to_pylist(), settings.target
    )
    if target is None:
        constants = {name: note if name == "null_reason" else None for name in tables.SCORES.names if name != "id"}
        columns = {"id": ids, **{name: [value] * len(ids) for name, value in constants.items()}}
        table = pa.table(columns, schema=tables.SCORES)
        scores = None
    else:
        vectors = embeddings.aligned(workspace, ids)
        with progress.task(f"probing ({target})", settings.folds, "folds") as advance:
            scores = uncertainty.score(
                vectors, labels, settings.folds, settings.regularization, workspace.params.seed, advance
            )
        table = as_table(ids, scores, target)
    writer = tables.ShardWriter(folder, tables.SCORES)
    writer.write(table)
    writer.close()
    return report(table, note, scores)


def choose_target(
    labels: list[str | None], sources: list[str], wanted: str
) -> tuple[str | None, list[str | None], str]:
    """What the probe is to predict (label, source or nothing), its values, and a note that says why."""
    if wanted in ("auto", "label") and len({label for label in labels if label is not None}) > 1:
        return "label", labels, "the probe predicts the label"
    if wanted in ("auto", "source") and len(set(sources)) > 1:
        return "source", list(sources), "no labels to predict: the probe predicts the source"
    missing = {
        "auto": "fewer than two labels and only one source",
        "label": "fewer than two labels",
        "source": "only one source",
    }
    return None, [], f"{missing[wanted]}: a probe has nothing to tell apart"


def as_table(ids: list[str], scores: uncertainty.Scores, target: str) -> pa.Table:
    """The scores as a table; a score that could not be computed is null, with the reason."""
    columns: dict[str, object] = {
        name: pa.array(getattr(scores, name), pa.float64(), from_pandas=True) for name in DIRECTIONS
    }
    return pa.table(
        {
            "id": ids,
            **columns,
            "suspected_label": pa.array(scores.suspected_label, pa.string()),
            "target": [target] * len(ids),
            "null_reason": pa.array(scores.reasons, pa.string()),
        },
        schema=tables.SCORES,
    )


def report(table: pa.Table, note: str, scores: uncertainty.Scores | None) -> Report:
    """What there is to say about the scores."""
    finite = {
        name: table.column(name).drop_null().to_numpy().astype(np.float64)
        for name in DIRECTIONS
        if table.column(name).null_count < table.num_rows
    }
    suspected = table.num_rows - table.column("suspected_label").null_count
    nulls = table.column("null_reason").drop_null().value_counts().to_pylist()
    metrics: dict[str, reporting.Cell] = {f"median_{name}": float(np.median(values)) for name, values in finite.items()}
    accuracy = scores.accuracy if scores else None
    if accuracy is not None:
        metrics["probe_accuracy"] = accuracy
    return Report(
        rows=table.num_rows,
        facts={
            "target": note,
            "suspected labels": suspected,
            "notes": "; ".join(scores.notes) if scores and scores.notes else "none",
            **({"probe accuracy, out of fold": accuracy} if accuracy is not None else {}),
            **{f"direction of {name}": text for name, text in DIRECTIONS.items()},
        },
        preview=reporting.preview(table.slice(0, reporting.PREVIEW_ROWS).to_pylist()),
        schema=reporting.columns(tables.SCORES),
        counts={"null score": {entry["values"]: entry["counts"] for entry in nulls}},
        pictures={name: reporting.picture(plots.histogram(values, name)) for name, values in finite.items()},
        metrics={"suspected_labels": suspected, "null_rows": sum(e["counts"] for e in nulls), **metrics},
    )

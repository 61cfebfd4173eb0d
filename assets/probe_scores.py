"""The probe's part of `uncertainty_scores`: what it predicts, its scores, and how often small edits flip its answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets import encoding, score_columns
from assets.methods import uncertainty
from assets.methods.uncertainty import edits
from assets.progress import Progress, Silent
from assets.score_part import Part, empty
from assets.workspace import Workspace

EDITED_TEXTS = 50_000  # whose vectors are in memory at a time; the encoder is loaded for each


def choose_target(
    labels: Sequence[str | None], sources: Sequence[str], wanted: str
) -> tuple[str | None, list[str | None], str]:
    """What the probe is to predict (label, source or nothing), its values, and a note that says why."""
    if wanted in ("auto", "label") and has_labels(labels):
        return "label", list(labels), "the probe predicts the label"
    if wanted in ("auto", "source") and len(set(sources)) > 1:
        return "source", list(sources), "no labels to predict: the probe predicts the source"
    missing = {
        "auto": "fewer than two labels and only one source",
        "label": "fewer than two labels",
        "source": "only one source",
    }
    return None, [], f"{missing[wanted]}: a probe has nothing to tell apart"


def has_labels(labels: Sequence[str | None]) -> bool:
    """Whether there are two different labels or more: something to predict."""
    return len({label for label in labels if label is not None}) > 1


def part(workspace: Workspace, progress: Progress, pool: pa.Table, vectors: npt.NDArray[np.float32]) -> Part:
    """The probe's columns for all rows of the pool; `vectors`: (n, d) of unit length."""
    settings = workspace.params.uncertainty_scores
    target, labels, note = choose_target(
        pool.column("label").to_pylist(), pool.column("source").to_pylist(), settings.target
    )
    if target is None:
        return empty("null_reason", pool.num_rows, note)
    wanted = uncertainty.ProbeSettings(
        folds=settings.folds,
        regularization=settings.regularization,
        ensemble=settings.ensemble,
        calibrate=settings.calibrate,
        seed=workspace.params.seed,
    )
    with progress.task(f"probing ({target})", uncertainty.steps(wanted), "fits") as advance:
        scores = uncertainty.score(vectors, labels, wanted, advance)
    rates = _flip_rates(workspace, progress, pool.column("messages"), scores) if settings.edits else None
    found = {
        "probe accuracy, out of fold": scores.accuracy,
        "probe macro-F1, out of fold": scores.macro_f1,
        "calibration error before the temperatures": scores.ece_before,
        "calibration error": scores.ece_after,
    }
    facts = {"target": note, **{name: value for name, value in found.items() if value is not None}}
    metrics = {"probe_accuracy": scores.accuracy, "probe_macro_f1": scores.macro_f1}
    known = {name: value for name, value in metrics.items() if value is not None}
    return Part(as_columns(scores, target, rates), facts, known, scores.notes)


def as_columns(
    scores: uncertainty.Scores, target: str, flip_rates: npt.NDArray[np.float64] | None = None
) -> dict[str, pa.Array]:
    """The scores as columns; one that could not be computed is null, with the reason."""
    measured = {name: getattr(scores, name) for name in score_columns.PROBE if name != "flip_rate"}
    rows = len(scores.reasons)
    measured["flip_rate"] = np.full(rows, np.nan) if flip_rates is None else flip_rates
    return {
        **{name: pa.array(values, pa.float64(), from_pandas=True) for name, values in measured.items()},
        "suspected_label": pa.array(scores.suspected_label, pa.string()),
        "target": pa.array([target] * rows, pa.string()),
        "null_reason": pa.array(scores.reasons, pa.string()),
    }


def _flip_rates(
    workspace: Workspace, progress: Progress, messages: pa.ChunkedArray, scores: uncertainty.Scores
) -> npt.NDArray[np.float64]:
    """(n,) the share of small edits of each row's text that flip the answer of the probe that scores it; NaN: none."""
    count = workspace.params.uncertainty_scores.edits
    what = workspace.params.embeddings.text
    encoder = encoding.choose(workspace)
    rates = np.full(len(messages), np.nan)
    rows_at_once = max(1, EDITED_TEXTS // count)
    with progress.task("editing texts", len(messages)) as advance:
        for start in range(0, len(messages), rows_at_once):
            texts = [encoding.text_of(turns, what) for turns in messages.slice(start, rows_at_once).to_pylist()]
            made = [edits.edits(text, workspace.params.seed, count) for text in texts]
            rows = np.repeat(np.arange(len(texts)), [len(each) for each in made])
            column = np.concatenate([np.arange(len(each)) for each in made])
            vectors = encoding.embed(workspace, Silent(), encoder, [text for each in made for text in each]).vectors
            answers = np.full((len(texts), count), -1, dtype=np.int64)
            if len(rows):
                answers[rows, column] = scores.probe.answers(vectors, start + rows)
            rates[start : start + len(texts)] = edits.flip_rate(scores.answers[start : start + len(texts)], answers)
            advance(len(texts))
    return rates

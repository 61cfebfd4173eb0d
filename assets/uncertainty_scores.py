"""uncertainty_scores: how sure models are of each record, one column per measure."""

from collections import Counter
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa

from assets import (
    answer_scores,
    code,
    embeddings,
    language_scores,
    materializing,
    plots,
    probe_scores,
    reporting,
    score_columns,
    score_part,
    score_plan,
    tables,
    tag_scores,
)
from assets.progress import Progress
from assets.reporting import Report
from assets.score_part import Part
from assets.workspace import Workspace

MOST_REASONS = 20  # different reasons for nulls that the report counts


@dg.asset(
    deps=["cleaned_data", "embeddings"],
    group_name="selection",
    kinds={"scikitlearn", "huggingface", "parquet"},
    code_version=code.code_version("uncertainty_scores"),
    pool="workspace",
)
def uncertainty_scores(
    workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """How sure models are of each row: a probe where there are labels, a tagger where there are tags of words, and a
    language model elsewhere.

    The probe gives entropy, margin, label quality, mutual information and more, out of fold; the language model the
    perplexity, IFD and token entropy of the response. Answers are compared with damaged ones (swapped, cut, ...). A
    score that could not be computed is null and says why.
    """
    with materializing.one_line_failures():
        models = f"{language_scores.choose(workspace)} {tag_scores.choose(workspace)}"
    return materializing.materialize(
        workspace,
        "uncertainty_scores",
        lambda folder: _produce(workspace, progress, folder),
        upstream=["cleaned_data", "embeddings"],
        settings=["uncertainty_scores", "embeddings"],
        extra=models,
        idle={"rows scored by a language model": 0},
    )


def _produce(workspace: Workspace, progress: Progress, folder: Path) -> Report:
    pool = tables.read(workspace.require("cleaned_data"), ["id", "source", "messages", "label", "format"])
    labels, formats = pool.column("label").to_pylist(), pool.column("format").to_pylist()
    plan = score_plan.plan(workspace.params.uncertainty_scores, labels, formats)
    if plan.probe:
        vectors = embeddings.aligned(workspace, pool.column("id").to_pylist())
        probe = probe_scores.part(workspace, progress, pool, vectors)
    else:
        probe = score_part.empty("null_reason", pool.num_rows, plan.no_probe)
    messages = pool.column("messages")
    parts = [
        probe,
        language_scores.part(workspace, progress, messages, plan.language, plan.no_language),
        tag_scores.part(workspace, progress, messages, plan.tagging, plan.no_tagging),
        answer_scores.part(workspace, progress, messages, plan.answers, plan.no_answers),
    ]
    table = score_part.joined(pool.column("id"), parts)
    writer = tables.ShardWriter(folder, tables.SCORES)
    writer.write(table)
    writer.close()
    return report(table, parts)


def report(table: pa.Table, parts: list[Part]) -> Report:
    """What there is to say about the scores."""
    finite = {
        name: table.column(name).drop_null().to_numpy().astype(np.float64)
        for name in score_columns.DIRECTIONS
        if table.column(name).null_count < table.num_rows
    }
    suspected = table.num_rows - table.column("suspected_label").null_count
    notes = [note for part in parts for note in part.notes]
    # A row that one of the scorers was not asked about is nothing amiss; one that nobody scored is.
    scored = np.zeros(table.num_rows, dtype=np.bool_)
    for name in finite:
        scored |= table.column(name).is_valid().to_numpy()
    nulls = Counter[str]()
    for column in score_columns.REASONS:
        nulls.update(reason for reason in table.column(column).to_pylist() if reason is not None)
    return Report(
        rows=table.num_rows,
        facts={
            **{name: value for part in parts for name, value in part.facts.items()},
            "suspected labels": suspected,
            "notes": "; ".join(notes) or "none",
            **{f"direction of {name}": score_columns.DIRECTIONS[name] for name in finite},
        },
        work={name: value for part in parts for name, value in part.work.items()},
        warnings=[warning for part in parts for warning in part.warnings],
        preview=reporting.preview(table.slice(0, reporting.PREVIEW_ROWS).to_pylist()),
        schema=reporting.columns(tables.SCORES),
        meanings=score_columns.DIRECTIONS,
        counts={"null score": dict(nulls.most_common(MOST_REASONS))},
        pictures={name: reporting.picture(plots.histogram(values, name)) for name, values in finite.items()},
        metrics={
            "suspected_labels": suspected,
            "null_rows": int(np.count_nonzero(~scored)),
            **{f"median_{name}": float(np.median(values)) for name, values in finite.items()},
            **{name: value for part in parts for name, value in part.metrics.items()},
        },
    )

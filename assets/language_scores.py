"""The language model's part of `uncertainty_scores`: which model judges which rows, and what there is to say of it.

What is kept of its scores belongs to `language_cache.py`, what a model is asked to `methods/language`, and training
the one of `model: self` to `self_model.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets import language_cache, models, quantization, score_columns, self_model
from assets.errors import DataError
from assets.keyed_shards import text_keys
from assets.language_cache import SETTING, Conversation, Judge
from assets.methods import int8
from assets.methods.language.scores import columns_of
from assets.progress import Progress
from assets.score_part import Part, empty, partial
from assets.tables import escape
from assets.uncertainty_params import SELF, LanguageModel
from assets.workspace import Workspace

REASON = "language_null_reason"
# What the table of scores calls the columns that are no scores.
_EXTRA = {"response_tokens": "tokens", "cut_tokens": "cut", "turns": "turns", REASON: "reason"}

Mask = npt.NDArray[np.bool_]


def choose(workspace: Workspace) -> str:
    """What the scores depend on besides settings, texts and packages; raises `ModelError` where there is no model."""
    if workspace.params.uncertainty_scores.by == "probe":
        return "no language model"
    settings = workspace.params.uncertainty_scores.language_model
    return SELF if settings.model == SELF else models.fingerprint(_located(settings, workspace.root))


def judges(workspace: Workspace, progress: Progress, conversations: Sequence[Conversation]) -> list[Judge]:
    """The model of the settings for all rows; with `model: self` two models, each for the rows it never saw."""
    settings = workspace.params.uncertainty_scores.language_model
    if settings.model != SELF:
        located = _located(settings, workspace.root)
        return [Judge(located, models.fingerprint(located), np.arange(len(conversations)))]
    trained = self_model.trained(workspace, progress, conversations)
    return [
        Judge(located, models.fingerprint(located), np.flatnonzero(trained.fold != number))
        for number, located in enumerate(trained.models)
    ]


def part(workspace: Workspace, progress: Progress, messages: pa.ChunkedArray, asked: Mask, why: str) -> Part:
    """The columns of the rows that are `asked`; those of the others are null, and `why` says the reason.

    `messages`: of all rows of the pool, which a model of `model: self` is trained on. Raises `ModelError`.
    """
    if not asked.any():
        return empty(REASON, len(asked), why)
    settings = workspace.params.uncertainty_scores.language_model
    conversations = messages.to_pylist()
    rows = np.flatnonzero(asked)
    try:
        found = judges(workspace, progress, conversations)
    except DataError as error:  # too few rows to train on: no mistake of the user's
        return empty(REASON, len(asked), str(error))
    found = [judge.among(asked) for judge in found]
    scored = language_cache.score(workspace, settings, progress, [conversations[row] for row in rows.tolist()], found)
    language_cache.forget_old(workspace)
    table = scored.table
    precision: dict[str, float | None] = {}
    if settings.quantize == "int8":
        precision = {quantization.METRIC: _rank_correlation(workspace, progress, conversations, rows, found, table)}
    columns = {name: table.column(name).combine_chunks() for name in score_columns.LANGUAGE}
    columns |= {name: table.column(inner).combine_chunks() for name, inner in _EXTRA.items()}
    cut = int(np.count_nonzero(table.column("cut").fill_null(0).to_numpy()))
    nothing = all(table.column(name).null_count == table.num_rows for name in columns_of(scored.family))
    reason = next((text for text in table.column("reason").to_pylist() if text), "no reason")
    return Part(
        columns=partial(REASON, columns, rows, len(asked), why),
        facts={
            "language model": settings.model,
            "language model fingerprint": scored.fingerprint,
            "family of the language model": scored.family,
            "rows for the language model": len(rows),
            "rows whose response was cut at max_tokens": cut,
            **({"int8": quantization.sentence(precision[quantization.METRIC])} if precision else {}),
        },
        metrics={"language_rows": len(rows), "language_cut": cut, **precision},
        warnings=(f"the language model scored no row; of one it says: {escape(reason, 200)}",) * nothing,
        work={
            "rows scored by a language model": scored.computed,
            "rows scored before": scored.cached,
            "damaged files of scores removed": scored.discarded,
        },
    )


def _rank_correlation(
    workspace: Workspace,
    progress: Progress,
    conversations: Sequence[Conversation],
    rows: npt.NDArray[np.int64],
    asked: Sequence[Judge],
    table: pa.Table,
) -> float | None:
    """How nearly a sample of the rows ranks as in full precision: of the scores that there are, the least."""
    settings = workspace.params.uncertainty_scores.language_model.model_copy(update={"quantize": "none"})
    texts = [language_cache.text_of(conversations[row]) for row in rows.tolist()]
    sampled = quantization.sample(text_keys(texts), quantization.SAMPLE_ROWS)
    chosen = np.zeros(len(rows), dtype=np.bool_)
    chosen[sampled] = True
    judges = [judge.among(chosen) for judge in asked]
    wanted = [conversations[row] for row in rows[sampled].tolist()]
    whole = language_cache.score(workspace, settings, progress, wanted, judges).table
    found = []
    for name in score_columns.LANGUAGE:
        one, other = (each.column(name).to_numpy() for each in (table.take(pa.array(sampled)), whole))
        both = np.isfinite(one) & np.isfinite(other)
        correlation = int8.rank_correlation(one[both], other[both])
        found += [] if correlation is None else [correlation]
    return min(found, default=None)


def _located(settings: LanguageModel, root: Path) -> models.LocatedModel:
    return models.locate(settings.model, settings.revision, f"{SETTING}.model", root)

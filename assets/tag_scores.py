"""The tagger's part of `uncertainty_scores`: how sure the tags of the words of each sentence are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets import encoding, models, vectors
from assets.errors import ModelError
from assets.progress import Progress
from assets.score_part import Part, empty, partial
from assets.uncertainty_params import PROBE
from assets.workspace import Workspace

REASON = "tagging_null_reason"
SETTING = "uncertainty_scores.tagging"

Mask = npt.NDArray[np.bool_]


def choose(workspace: Workspace) -> str:
    """What the scores depend on besides settings, texts and embeddings; raises `ModelError` where there is no model."""
    if workspace.params.uncertainty_scores.tagging.model == PROBE:
        return PROBE  # it asks the encoder, whose fingerprint is part of the embeddings
    return models.fingerprint(_located(workspace))


def part(workspace: Workspace, progress: Progress, messages: pa.ChunkedArray, asked: Mask, why: str) -> Part:
    """The columns of the rows that are `asked`; those of the others are null, and `why` says the reason.

    The words of a row are its first message, the tags its second, one space between each. Raises `ModelError`.
    """
    if not asked.any():
        return empty(REASON, len(asked), why)
    from assets.methods.tagging import scoring
    from assets.methods.tagging.words import ENCODER, TAGGER, WordModel

    rows = np.flatnonzero(asked)
    parted = [_words_and_tags(turns) for turns in messages.take(pa.array(rows)).to_pylist()]
    # Cleaning may have changed a text, so that words and tags are no longer of one number.
    fits = np.array([len(words) == len(tags) for words, tags in parted], dtype=np.bool_)
    uneven = {
        int(row): f"{len(words):,} words, but {len(tags):,} tags"
        for row, (words, tags), fit in zip(rows, parted, fits, strict=True)
        if not fit
    }
    chosen = rows[fits]
    sentences = [words for (words, _), fit in zip(parted, fits, strict=True) if fit]
    tags = [names for (_, names), fit in zip(parted, fits, strict=True) if fit]
    settings, limit = workspace.params.uncertainty_scores, workspace.params.embeddings.max_tokens
    named = settings.tagging
    device = vectors.resolve_device(workspace.params.embeddings.device)
    is_probe = named.model == PROBE
    try:
        model = WordModel(_located(workspace).folder, ENCODER if is_probe else TAGGER, max_tokens=limit, device=device)
    except ModelError as error:
        raise ModelError(f"{SETTING}.model: {error}") from None
    with progress.task("tagging words", len(sentences), "sentences") as advance:
        if is_probe:
            wanted = scoring.TagProbe(named.folds, named.words, settings.regularization, workspace.params.seed)
            found = scoring.by_probe(model, sentences, tags, wanted, named.top, advance)
        else:
            found = scoring.by_model(model, sentences, tags, named.top, advance)
    entropy = found.entropy
    measured = {"mean": entropy.mean, "max": entropy.highest, "top": entropy.top}
    columns = {
        f"tag_entropy_{name}": pa.array(values, pa.float64(), from_pandas=True) for name, values in measured.items()
    }
    columns[REASON] = pa.array(found.reasons, pa.string())
    spread = partial(REASON, columns, chosen, len(asked), why)
    if uneven:
        reasons = spread[REASON].to_pylist()
        for row, reason in uneven.items():
            reasons[row] = reason
        spread[REASON] = pa.array(reasons, pa.string())
    facts = {
        "tagger": "a probe of the encoder's vectors of words" if is_probe else named.model,
        "sentences": len(rows),
        "words beyond max_tokens": int(found.cut.sum()),
    }
    quality = {"tag_accuracy": found.accuracy, "tag_inside_f1": found.inside_f1}
    metrics = {name: value for name, value in quality.items() if value is not None}
    names = {"tag_accuracy": "tags right, by word", "tag_inside_f1": "F1 of words that are part of something"}
    facts |= {names[name]: value for name, value in metrics.items()}
    return Part(spread, facts, metrics, found.notes)


def _words_and_tags(turns: Sequence[Mapping[str, str]]) -> tuple[list[str], list[str]]:
    words, tags = (turn["content"].split(" ") for turn in turns[:2]) if len(turns) > 1 else ([], [""])
    return words, tags


def _located(workspace: Workspace) -> models.LocatedModel:
    named = workspace.params.uncertainty_scores.tagging
    if named.model == PROBE:
        return encoding.choose(workspace).located
    return models.locate(named.model, named.revision, f"{SETTING}.model", workspace.root)

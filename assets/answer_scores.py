"""The answers' part of `uncertainty_scores`: how little each looks like a damaged one, and how it fits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.methods.conversations import Conversations
from assets.progress import Progress
from assets.score_part import Part, empty, partial
from assets.workspace import Workspace

REASON = "answer_null_reason"
DOUBTFUL = 0.5  # below it an answer looks more like a damaged one than like a real one

Mask = npt.NDArray[np.bool_]


def part(workspace: Workspace, progress: Progress, messages: pa.ChunkedArray, asked: Mask, why: str) -> Part:
    """The columns of the rows that are `asked`; those of the others are null, and `why` says the reason.

    The answer of a row is its last turn, if that is the assistant's, and its prompt all turns before.
    """
    if not asked.any():
        return empty(REASON, len(asked), why)
    from assets.methods.answers import quality

    rows = np.flatnonzero(asked)
    records = conversations(messages.take(pa.array(rows)))
    with progress.task("judging answers", quality.STEPS, "steps") as advance:
        found = quality.score(records.prompts.to_pylist(), records.answers.to_pylist(), workspace.params.seed, advance)
    # A kind of damage is named where the answer is doubted.
    doubted = found.quality < DOUBTFUL
    damage = [kind if doubt else None for kind, doubt in zip(found.likeliest, doubted.tolist(), strict=True)]
    columns = {
        "answer_quality": pa.array(found.quality, pa.float64(), from_pandas=True),
        "answer_fit": pa.array(found.fit, pa.float64(), from_pandas=True),
        "answer_damage": pa.array(damage, pa.string()),
        REASON: pa.array(found.reasons, pa.string()),
    }
    metrics = {f"answers_told_from_{kind}": value for kind, value in found.aucs.items()}
    facts = {f"answers told from {kind} ones (AUC, out of fold)": value for kind, value in found.aucs.items()}
    judged = int(np.isfinite(found.quality).sum())
    if judged:
        facts |= {"answers judged": judged, "doubtful answers": int(doubted.sum())}
        metrics |= {"doubtful_answers": int(doubted.sum())}
    return Part(partial(REASON, columns, rows, len(asked), why), facts, metrics, found.notes)


def conversations(messages: pa.ChunkedArray) -> Conversations:
    """The turns of a column of messages, without labels, formats and extras."""
    nothing = pa.nulls(len(messages), pa.string())
    extras = pa.nulls(len(messages), pa.map_(pa.string(), pa.string()))
    columns = {"messages": messages, "label": nothing, "format": nothing, "extras": extras}
    return Conversations.of(pa.table(columns))

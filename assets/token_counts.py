"""Token counts: how many tokens a trainer pays for each row, by the tokenizer of the settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from assets import models
from assets.progress import Progress
from assets.selection_params import TokenBudget
from assets.workspace import Workspace

WORDS, AUTO = "words", "auto"
FILE = "token-counts.parquet"  # of the pool and the tokenizer that were asked about last
_BATCH_ROWS = 2000


def fingerprint(budget: TokenBudget, workspace: Workspace) -> str:
    """A hash that changes when the tokenizer does. Raises `ModelError`."""
    return WORDS if budget.tokenizer == WORDS else models.fingerprint(_located(budget, workspace))


def count(
    budget: TokenBudget, texts: list[str], workspace: Workspace, progress: Progress, made_of: str
) -> npt.NDArray[np.int64]:
    """(n,) the tokens of each text, at least 1, without those that a chat template adds.

    `made_of`: a hash of the texts; with the same tokenizer the counts of the last time are taken. Raises `ModelError`.
    """
    path = workspace.home / FILE
    made_of = f"{made_of} {fingerprint(budget, workspace)}"
    known = _known(path, made_of, len(texts))
    if known is not None:
        return known
    with progress.task("counting tokens", len(texts)) as advance:
        if budget.tokenizer == WORDS:
            from assets.methods.tokens import Tokens

            counts = np.diff(Tokens.of(texts).offsets)
            advance(len(texts))
        else:
            import transformers

            folder = _located(budget, workspace).folder
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
            found: list[int] = []
            for start in range(0, len(texts), _BATCH_ROWS):
                # Lengths beyond the model's window are what is asked for here, so the tokenizer need not warn of them.
                batch = tokenizer(
                    texts[start : start + _BATCH_ROWS],
                    add_special_tokens=False,
                    truncation=False,
                    return_attention_mask=False,
                    return_token_type_ids=False,
                    verbose=False,
                )["input_ids"]
                found += [len(ids) for ids in batch]
                advance(len(batch))
            counts = np.array(found, dtype=np.int64)
    counts = np.maximum(counts, 1).astype(np.int64)
    temporary = path.with_name(f".{FILE}.new")
    table = pa.table({"tokens": counts}).replace_schema_metadata({"made_of": made_of})
    pq.write_table(table, temporary)
    temporary.replace(path)
    return counts


def _known(path: Path, made_of: str, rows: int) -> npt.NDArray[np.int64] | None:
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException):
        return None
    if (table.schema.metadata or {}).get(b"made_of") != made_of.encode() or table.num_rows != rows:
        return None
    return np.asarray(table.column("tokens").to_numpy(), dtype=np.int64)


def _located(budget: TokenBudget, workspace: Workspace) -> models.LocatedModel:
    if budget.tokenizer == AUTO:
        settings = workspace.params.embeddings
        return models.locate(settings.model, settings.revision)
    return models.locate(budget.tokenizer, setting="selected_subset.budget.tokenizer", root=workspace.root)

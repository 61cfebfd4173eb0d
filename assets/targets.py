"""Targets: how alike the rows of the pool are to the rows of other files and versions, by a measure of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets import encoding, references
from assets.errors import DataError, PickwiseError
from assets.progress import Progress
from assets.selection_params import Target
from assets.tables import escape
from assets.versioning import VersionStore
from assets.workspace import Workspace

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Likeness:
    """How alike the n rows of the pool are to a target set.

    `best`, `mean`: (n,) higher = more alike, NaN where it cannot be told; for `dsir` the log importance weight, and the
    same for each word and pair of words. `item`: (n,) the number of the item of the target that the row is nearest to,
    -1 where the measure does not tell. `contrast`: (n,) of cosine, the mean without what the pool shares, otherwise
    None. `items`: what each item is called: file and number. `notes`: what was not compared.
    """

    best: Floats
    mean: Floats
    contrast: Floats | None
    item: npt.NDArray[np.int64]
    items: list[str]
    notes: tuple[str, ...] = ()

    def by(self, part: str) -> Floats:
        """`best`, `mean` or `contrast`; the best where there is no contrast."""
        if part == "contrast" and self.contrast is not None:
            return self.contrast
        return self.mean if part == "mean" else self.best


@dataclass(frozen=True)
class Compared:
    """The rows of the pool that are compared: their column `messages`, and their vectors."""

    messages: pa.ChunkedArray
    vectors: npt.NDArray[np.float32]

    def turns(self) -> Iterator[list[dict[str, str]]]:
        """The turns of each row."""
        for batch in self.messages.chunks:
            yield from batch.to_pylist()


def fingerprint(name: str, target: Target, workspace: Workspace, versions: VersionStore) -> str:
    """A hash that changes when a row of the target may have changed; raises as reading it would."""
    with _named(name):
        return references.fingerprint(target.rows, workspace, versions)


@contextmanager
def _named(name: str) -> Iterator[str]:
    """Put the target's setting, which is given to the block, in front of what is said of its rows."""
    setting = f"selected_subset.targets.{escape(name, 40)}"
    try:
        yield setting
    except PickwiseError as error:
        raise type(error)(f"{setting}: {error}") from None


def measure(
    name: str, target: Target, pool: Compared, workspace: Workspace, progress: Progress, versions: VersionStore
) -> Likeness:
    """Compare every row of the pool with the items of a target.

    Raises `SourceError` for a file that cannot be read, `DataError` for a target without rows, and as encoding does.
    """
    with _named(name) as setting:
        found = references.read(target.rows, workspace, versions)
    if not found.rows.num_rows:
        shown = ", ".join(
            escape(str(each.path or each.hub or each.version or each.dataset_info), 80) for each in target.rows
        )
        why = f"; {found.rejected:,} rows could not be read" if found.rejected else ""
        raise DataError(f"{setting}: {shown} has no rows to compare with{why}")
    what = target.of or workspace.params.embeddings.text
    items = [encoding.text_of(turns, what) for turns in found.rows.column("messages").to_pylist()]
    files, numbers = (found.rows.column(column).to_pylist() for column in ("file", "item"))
    names = [f"{file}:{number}" for file, number in zip(files, numbers, strict=True)]
    notes = (f"{setting}: {found.rejected:,} rows could not be read",) if found.rejected else ()
    rows = len(pool.vectors)
    with progress.task(f"comparing with {escape(name, 40)}", rows) as advance:
        if target.measure == "cosine":
            from assets.methods.similarity.contrast import contrast
            from assets.methods.similarity.cosine import cosine

            encoder = encoding.choose(workspace)
            vectors = encoding.embed(workspace, progress, encoder, items, f"embedding {escape(name, 40)}").vectors
            near = cosine(pool.vectors, vectors, advance=advance)
            return Likeness(near.best, near.mean, contrast(pool.vectors, vectors), near.item, names, notes)
        texts = [encoding.text_of(turns, what) for turns in pool.turns()]
        if target.measure == "dsir":
            with _named(name):
                return _importance(texts, items, names, notes, setting)
        if target.measure == "edit":
            from assets.methods.similarity.edit import edit_similarity

            edits = edit_similarity(texts, items, advance=advance)
            if len(edits.too_long):
                notes = (*notes, f"{setting}: {len(edits.too_long):,} rows are too long for an edit distance")
            return Likeness(edits.nearest.best, edits.nearest.mean, None, edits.nearest.item, names, notes)
        from assets.methods.similarity.jaccard import character_jaccard, word_jaccard

        if target.characters is not None:
            near = character_jaccard(texts, items, target.characters, advance=advance)
        else:
            near = word_jaccard(texts, items, target.words, advance=advance)
        return Likeness(near.best, near.mean, None, near.item, names, notes)


def _importance(
    texts: Sequence[str], items: Sequence[str], names: list[str], notes: tuple[str, ...], setting: str
) -> Likeness:
    from assets.methods.similarity.dsir import log_importance
    from assets.methods.similarity.ngrams import Ngrams

    pool = Ngrams.of(texts)
    wanted, given = Ngrams.of(items).shares(), pool.shares()
    weights = log_importance(pool, wanted, given)
    if unknown := int(np.isnan(weights).sum()):
        notes = (*notes, f"{setting}: {unknown:,} rows have no words, and no importance")
    per_ngram = log_importance(pool, wanted, given, per_ngram=True)
    return Likeness(weights, per_ngram, None, np.full(len(texts), -1, dtype=np.int64), names, notes)

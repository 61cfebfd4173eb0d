"""Sound rows against evaluation items: which row holds which item, and how the ledger says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets import engine
from assets.dedup_params import Decontamination
from assets.entries import Said, where
from assets.methods import decontamination
from assets.methods.conversations import Conversations
from assets.methods.decontamination import EXACT, OVERLAP, SIMILAR, EvalItems, Hits
from assets.progress import Progress
from assets.sound_rows import SoundRows

NEEDED = ("messages", "label", "format", "extras")
_HITS = pa.schema([("item", pa.int64()), ("share", pa.float64()), ("exact", pa.bool_())])
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Items:
    """The evaluation items: each user turn of a row is one, since a row may ask several questions."""

    texts: pa.StringArray  # (k,)
    rows: pa.Table  # the rows they stand in (schema `references.SCHEMA`)
    row_of: npt.NDArray[np.int64]  # (k,)
    without_words: int  # user turns that are no item, since there is nothing in them to be met

    @classmethod
    def of(cls, rows: pa.Table) -> Items:
        """The items of the rows of evaluation sets."""
        records = Conversations.of(rows)
        users = np.flatnonzero(pc.equal(records.roles, "user").to_numpy(zero_copy_only=False))
        turns = users[np.diff(records.tokens.offsets)[users] > 0]
        texts = records.contents.take(pa.array(turns))
        return cls(texts, rows, records.record_of[turns], len(users) - len(turns))

    def __len__(self) -> int:
        return len(self.row_of)


@dataclass(frozen=True)
class ItemHits:
    """What n rows hold of evaluation items: by n-grams and, of the rows that do not, by their vectors."""

    by_ngrams: Hits
    by_vectors: Hits

    @property
    def item(self) -> npt.NDArray[np.int64]:
        """(n,) the item that a row is left out for, -1 if none."""
        return np.maximum(self.by_ngrams.item, self.by_vectors.item)


def find(
    sound: SoundRows,
    items: Items,
    settings: Decontamination,
    vectors: tuple[Vectors, Vectors] | None,
    progress: Progress,
) -> ItemHits:
    """The item that each row holds most of. `vectors`: of the rows (n, d) and of the items (k, d), if asked for."""
    none = Hits(np.full(len(sound), -1, np.int64), np.zeros(len(sound)), np.zeros(len(sound), dtype=bool))
    if not len(items):
        return ItemHits(none, none)
    known = EvalItems(items.texts, settings.ngram, settings.overlap)

    def search(batch: pa.Table) -> pa.Table:
        found = known.hits(Conversations.of(batch))
        return pa.table([found.item, found.share, found.exact], schema=_HITS)

    parts = [_HITS.empty_table()]
    with progress.task("looking for evaluation items", len(sound)) as advance:
        for part in engine.map_rows(sound.folder, NEEDED, search, _HITS):
            parts.append(part)
            advance(part.num_rows)
    item, share, exact = (column.to_numpy() for column in pa.concat_tables(parts).columns)
    by_ngrams = Hits(item, share, exact)
    if settings.similarity is None or vectors is None:
        return ItemHits(by_ngrams, none)
    by_vectors = decontamination.similar(*vectors, settings.similarity)
    free = by_ngrams.item < 0
    return ItemHits(by_ngrams, Hits(np.where(free, by_vectors.item, -1), by_vectors.share, by_vectors.exact))


def explain(hits: Hits, rows: npt.NDArray[np.int64], items: Items, settings: Decontamination, by_vectors: bool) -> Said:
    """What the ledger says of rows that hold an item."""
    found = items.rows.take(pa.array(items.row_of[hits.item[rows]]))
    questions = items.texts.take(pa.array(hits.item[rows])).to_pylist()
    step = "similarity" if by_vectors else "decontamination"
    reasons, details, thresholds = [], [], []
    for row in rows.tolist():
        if by_vectors:
            reasons.append(SIMILAR)
            details.append("the row means nearly the same as an evaluation item")
            thresholds.append(f"a cosine below {settings.similarity:g}")
        elif hits.exact[row]:
            reasons.append(EXACT)
            details.append("the row asks the question of an evaluation item")
            thresholds.append("no evaluation item")
        else:
            reasons.append(OVERLAP)
            details.append(f"{100 * hits.share[row]:.0f} % of an evaluation item stand in the row word for word")
            thresholds.append(f"less than {100 * settings.overlap:g} % of its runs of {settings.ngram} words")
    values = [f"{share:.4g}" for share in hits.share[rows].tolist()]
    named = where(found.column("file"), found.column("item"), questions)
    return Said([step] * len(rows), reasons, details, values, thresholds, named)

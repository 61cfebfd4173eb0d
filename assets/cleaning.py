"""The passes of `cleaned_data`: from the rows of raw_data to those that stay; a ledger entry for each other row.

Memory: a few batches, some 100 bytes a row, the rows of other files and versions that the pool is compared with, and
what the index of each kind of duplicates says of itself. Where embeddings are compared, all texts and vectors, too.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets import (
    assessing,
    code,
    contamination,
    duplicates,
    encoding,
    engine,
    references,
    statistics,
    step_inputs,
    tables,
)
from assets.assessing import Plan
from assets.cleaning_report import Tally, report
from assets.contamination import ItemHits, Items
from assets.dedup_params import Reference
from assets.duplicates import Elsewhere, Outcome
from assets.encoding import ChosenEncoder
from assets.entries import entries
from assets.ledger import LedgerWriter
from assets.methods.conversations import Conversations
from assets.methods.dedup import exact
from assets.progress import Progress
from assets.reporting import Report
from assets.sound_rows import SoundRows
from assets.versioning import VersionStore
from assets.workspace import Workspace

Vectors = npt.NDArray[np.float32]


def produce(
    workspace: Workspace, progress: Progress, versions: VersionStore, encoder: ChosenEncoder | None, folder: Path
) -> Report:
    """Write the table, its ledger and its statistics into the empty `folder`."""
    scratch = workspace.home / "cleaning"
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    scratch.mkdir(parents=True)
    try:
        return _Run(workspace, progress, versions, encoder, folder, scratch).produce()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _Run:
    """One production of the table; the passes in their order."""

    def __init__(
        self,
        workspace: Workspace,
        progress: Progress,
        versions: VersionStore,
        encoder: ChosenEncoder | None,
        folder: Path,
        scratch: Path,
    ) -> None:
        self.workspace, self.progress, self.versions, self.encoder = workspace, progress, versions, encoder
        self.folder, self.scratch = folder, scratch
        self.settings = workspace.params.cleaned_data
        self.raw = workspace.require("raw_data")
        folded = self.settings.dedup.exact
        fold = frozenset[str](folded.fold if folded else ())
        steps = step_inputs.build(self.settings, workspace.root)
        self.plan = Plan.of(steps, fold, workspace.content_hash("raw_data"), code.code_version("cleaned_data"))
        self.ledger = LedgerWriter(folder / "dropped.parquet")
        self.tally = Tally()

    def produce(self) -> Report:
        """All passes; what there is to say about the outcome."""
        (self.scratch / "sound").mkdir()
        sound = SoundRows(self.scratch / "sound", self.settings.dedup.attributes)
        self._assess(sound)
        elsewhere, items = self._references()
        hits = self._items(sound, items)
        outcome = duplicates.find(
            sound,
            hits.item < 0,
            elsewhere,
            self.settings.dedup,
            self._vectors(sound, elsewhere),
            self.workspace.params.seed,
            self.progress,
            self.scratch,
        )
        self._write(sound, hits, outcome, items, elsewhere)
        self.tally.facts |= outcome.facts
        return report(self.tally, self.ledger.close(self.tally.rows_in, self.tally.kept), self.settings)

    # -- the steps -------------------------------------------------------------------------------------------------

    def _assess(self, sound: SoundRows) -> None:
        """Measure every row, write the statistics, and part the sound rows from those that fail a step."""
        plan, rows = self.plan, tables.count_rows(self.raw)
        known = statistics.Known(self.workspace.table("cleaned_data"), self.workspace.home, plan.all_columns)
        writer = statistics.Writer(self.folder, plan.all_columns)
        names = known.names
        self.tally.work["statistics measured"] = len(plan.all_columns) - len(names)
        self.tally.work["statistics taken over"] = len(names)
        with self.progress.task("measuring", rows) as advance:
            batches = engine.map_rows(
                self.raw,
                assessing.NEEDED,
                lambda batch: assessing.measure(batch, plan, names),
                plan.schema(names),
                assessing.CARRIED,
            )
            for batch in batches:
                earlier = known.take(batch.num_rows)
                columns = earlier | {c.name: batch.column(c.name) for c in plan.all_columns if c.name not in earlier}
                writer.write(batch, columns)
                self._part(batch, columns, sound)
                advance(batch.num_rows)
        writer.close()
        statistics.remember(self.folder, self.workspace.home, plan.all_columns)
        sound.close()

    def _part(self, batch: pa.Table, columns: Mapping[str, pa.Array], sound: SoundRows) -> None:
        """Put the rows of a batch that fail a step into the ledger, and the others to the sound ones."""
        self.tally.came(batch.column("source"))
        why = assessing.judge(self.plan, columns)
        messages = batch.column("clean_messages")
        if len(why.failed):
            failed = batch.take(pa.array(why.failed)).append_column("messages", messages.take(pa.array(why.failed)))
            self.ledger.write(entries(failed, why.said))
            mask = np.ones(batch.num_rows, dtype=bool)
            mask[why.failed] = False
            batch = batch.filter(pa.array(mask))
        sound.add(_cleaned(batch), batch.column("key"), batch.column("answer_length"))

    # -- other files and versions ----------------------------------------------------------------------------------

    def _references(self) -> tuple[Elsewhere, Items]:
        """The rows that must not come again, and the evaluation items, their texts as the steps leave them."""
        settings = self.settings
        elsewhere = self._read(settings.dedup.against, "rows to compare with")
        keys = exact.duplicate_keys(Conversations.of(elsewhere), self.plan.fold, with_label=False)
        items = Items.of(self._read(settings.decontamination.against, "rows of evaluation sets"))
        if settings.decontamination.against:
            self.tally.facts["evaluation items"] = len(items)
            if items.without_words:
                self.tally.facts["evaluation items without words, which hit nothing"] = items.without_words
            if not len(items):
                self.tally.warnings.append(
                    "cleaned_data.decontamination.against holds no evaluation item: no row of it has a user turn with "
                    "words in it; state its format or columns"
                )
        return Elsewhere(elsewhere, keys.view(np.uint8).reshape(-1, 16)), items

    def _read(self, against: Sequence[Reference], what: str) -> pa.Table:
        """The rows of references, changed as the steps change those of the pool."""
        found = references.read(against, self.workspace, self.versions)
        if against:
            self.tally.facts[what] = found.rows.num_rows
            if found.rejected:
                self.tally.facts[f"{what} that could not be read"] = found.rejected
        records = Conversations.of(found.rows)
        for step in self.plan.steps:
            records = step.transform(records)
        changed = {"messages": records.messages(), "extras": records.extras}
        return pa.table({name: changed.get(name, found.rows.column(name)) for name in references.SCHEMA.names})

    def _items(self, sound: SoundRows, items: Items) -> ItemHits:
        """The evaluation item that each sound row holds, by its words and, if asked, by its meaning."""
        settings, vectors = self.settings.decontamination, None
        if settings.similarity is not None and self.encoder is not None and len(items):
            # Questions with questions: an answer would lead the vector of a row away from that of an item.
            texts = [*_texts(sound, "prompt"), *items.texts.to_pylist()]
            found = self._embed(texts, "embedding the questions")
            vectors = found[: len(sound)], found[len(sound) :]
        return contamination.find(sound, items, settings, vectors, self.progress)

    def _vectors(self, sound: SoundRows, elsewhere: Elsewhere) -> Vectors | None:
        """The vectors of the sound rows and of those elsewhere, if duplicates in meaning are looked for."""
        if self.settings.dedup.semantic is None or self.encoder is None:
            return None
        what = self.workspace.params.embeddings.text
        there = elsewhere.rows.column("messages").to_pylist()
        return self._embed([*_texts(sound, what), *(encoding.text_of(turns, what) for turns in there)], "embedding")

    def _embed(self, texts: Sequence[str], title: str) -> Vectors:
        assert self.encoder is not None
        embedded = encoding.embed(self.workspace, self.progress, self.encoder, texts, title)
        self.tally.work["texts embedded"] = self.tally.work.get("texts embedded", 0) + embedded.computed
        return embedded.vectors

    # -- what stays ------------------------------------------------------------------------------------------------

    def _write(self, sound: SoundRows, hits: ItemHits, outcome: Outcome, items: Items, elsewhere: Elsewhere) -> None:
        """Write the rows that stay, and a ledger entry for each that does not."""
        kept = outcome.duplicates.kept
        stays = (kept < 0) & (hits.item < 0)
        ids = KeptIds(kept[kept >= 0], len(sound), elsewhere.rows.column("id"))
        writer = tables.ShardWriter(self.folder, tables.CLEANED)
        with self.progress.task("writing", len(sound)) as advance:
            for start, rows in sound.batches():
                mask = stays[start : start + rows.num_rows]
                ids.note(start, rows.column("id"))
                chosen = rows.filter(pa.array(mask))
                writer.write(chosen)
                self.tally.stayed(chosen)
                advance(rows.num_rows)
            writer.close()
            if stays.all():
                return
            for start, rows in sound.batches(["raw_id", "source", "file", "line", "item", "messages"]):
                rows = rows.rename_columns(["id", *rows.column_names[1:]])
                end = start + rows.num_rows
                self._drop_items(rows, hits, start, end, items)
                self._drop_duplicates(rows, outcome, start, end, ids, elsewhere)

    def _drop_items(self, rows: pa.Table, hits: ItemHits, start: int, end: int, items: Items) -> None:
        for kind in (hits.by_ngrams, hits.by_vectors):
            found = np.flatnonzero(kind.item[start:end] >= 0)
            if len(found):
                said = contamination.explain(
                    kind, found + start, items, self.settings.decontamination, kind is hits.by_vectors
                )
                self.ledger.write(entries(rows.take(pa.array(found)), said))

    def _drop_duplicates(
        self, rows: pa.Table, outcome: Outcome, start: int, end: int, ids: KeptIds, elsewhere: Elsewhere
    ) -> None:
        found = np.flatnonzero(outcome.duplicates.kept[start:end] >= 0)
        if len(found):
            said = duplicates.explain(outcome, found + start, elsewhere, self.settings.dedup)
            kept_ids = ids.of(outcome.duplicates.kept[found + start])
            self.ledger.write(entries(rows.take(pa.array(found)), said, kept_ids))


def _texts(sound: SoundRows, what: str) -> Iterator[str]:
    """What is embedded of each sound row."""
    for _, rows in sound.batches(["messages"]):
        for turns in rows.column("messages").to_pylist():
            yield encoding.text_of(turns, what)


def _cleaned(batch: pa.Table) -> pa.Table:
    """Rows of a batch as rows of the table."""
    names = {"id": "clean_id", "messages": "clean_messages", "extras": "clean_extras", "raw_id": "id"}
    return pa.table({field.name: batch.column(names.get(field.name, field.name)) for field in tables.CLEANED})


class KeptIds:
    """The ids of those rows that others went for, by their numbers. Memory: one id for each such row."""

    def __init__(self, kept: npt.NDArray[np.int64], rows: int, elsewhere: pa.ChunkedArray) -> None:
        self._wanted = np.unique(kept[kept < rows])
        self._found: list[str] = []
        self._rows, self._elsewhere = rows, elsewhere

    def note(self, start: int, ids: pa.ChunkedArray) -> None:
        """Take note of the ids of the rows from `start` on; rows come in order, each once."""
        first, last = np.searchsorted(self._wanted, [start, start + len(ids)])
        self._found += ids.take(pa.array(self._wanted[first:last] - start)).to_pylist()

    def of(self, kept: npt.NDArray[np.int64]) -> list[str]:
        """The ids of these rows, all of which were noted."""
        return [
            self._elsewhere[row - self._rows].as_py()
            if row >= self._rows
            else self._found[int(np.searchsorted(self._wanted, row))]
            for row in kept.tolist()
        ]

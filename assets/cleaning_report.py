"""What is said of cleaned_data: counts by step, reason and source, lengths, classes, and which source lost too much."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets import drops, losses, plots, reporting, tables
from assets.cleaning_params import CleanedData
from assets.drops import Drops
from assets.methods.conversations import Conversations, characters
from assets.methods.dedup import exact
from assets.reporting import Report


class Tally:
    """What there is to say, gathered batch by batch. Memory: 8 bytes a row, and 32 for a row that has a label."""

    def __init__(self) -> None:
        self.rows_in: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.lengths: list[np.ndarray] = []
        self.preview: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {}
        self.work: dict[str, Any] = {}
        self.warnings: list[str] = []
        self._texts: list[np.ndarray] = []
        self._labelled: list[np.ndarray] = []

    def came(self, sources: pa.ChunkedArray) -> None:
        """Count the rows of a batch of raw_data."""
        _count(self.rows_in, sources)

    def stayed(self, rows: pa.Table) -> None:
        """Count rows of the finished table."""
        _count(self.kept, rows.column("source"))
        _count(self.classes, pc.fill_null(rows.column("label"), "(no label)"))
        self.lengths.append(characters(rows.column("messages")))
        if (missing := reporting.PREVIEW_ROWS - len(self.preview)) > 0:
            self.preview += rows.slice(0, missing).to_pylist()
        labelled = rows.filter(pc.is_valid(rows.column("label")))
        if labelled.num_rows:
            records = Conversations.of(labelled)
            for keys, with_label in ((self._texts, False), (self._labelled, True)):
                keys.append(exact.duplicate_keys(records, {"whitespace"}, with_label=with_label))

    def conflicts(self) -> int:
        """How many texts stand in the table more than once, with different labels."""
        if not self._texts:
            return 0
        # Of rows with the same text and the same label one counts.
        _, first = np.unique(np.concatenate(self._labelled), return_index=True)
        _, times = np.unique(np.concatenate(self._texts)[first], return_counts=True)
        return int(np.count_nonzero(times > 1))


def _count(counter: Counter[str], values: pa.ChunkedArray) -> None:
    for each in pc.value_counts(values).to_pylist():
        counter[each["values"]] += each["counts"]


def report(tally: Tally, lost: Drops, settings: CleanedData) -> Report:
    """What there is to say about the rows that stayed and those that did not."""
    order = drops.step_order(settings)
    length = np.concatenate([*tally.lengths, np.empty(0, np.int64)])
    classes = dict(sorted(tally.classes.items(), key=lambda item: (-item[1], item[0])))
    pictures = {"length": plots.histogram(length, "characters per record", log=True)}
    pictures = losses.pictures(lost, order) | pictures
    if len(classes) > 1:
        pictures["rows by class"] = plots.bars(classes, "rows")
    return Report(
        rows=len(length),
        facts={
            "dropped": lost.total,
            "median length": float(np.median(length)) if len(length) else 0.0,
            "same text with several labels": tally.conflicts(),
            **tally.facts,
        },
        work=tally.work,
        preview=reporting.preview(tally.preview),
        schema=reporting.columns(tables.CLEANED),
        counts={"reason for dropping": lost.by_reason(), "class": classes},
        tables={"drops by source and step": lost.table(order)},
        warnings=[*tally.warnings, *losses.warning_lines(lost.losing_sources(), losses.DROPPED)],
        pictures={name: reporting.picture(png) for name, png in pictures.items()},
        metrics={"rows": len(length), **lost.metrics("dropped")},
    )

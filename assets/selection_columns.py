"""Columns that filters, scores and quotas may name: what the tables hold of each row of cleaned_data, aligned.

A name is looked for among the scores of `uncertainty_scores`, those of `cluster_assignments`, what is measured here,
the targets, the columns of the record, its attributes, and the statistics of cleaning, in this order.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets import score_columns, statistics, tables
from assets.errors import DataError
from assets.methods import chance
from assets.methods.conversations import characters
from assets.selection_params import CLASS
from assets.tables import escape
from assets.workspace import Workspace

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NO_LABEL = "(no label)"
NO_VALUE = "(none)"
ATTRIBUTES = "attributes."
_RECORD = ("label", "source", "format")
_NUMBERS = ("distance", "length", "weight", "random")
_LANGUAGE, _LANGUAGES = "language", "language_"


@dataclass(frozen=True)
class Numbers:
    """A column of numbers: values (n,) float64, which of them are known, and why the others are not, if it is told."""

    values: Floats
    known: Mask
    why: str = ""


@dataclass(frozen=True)
class Columns:
    """The columns of a pool of n rows. `extra`: columns of numbers that were made for this selection, by name."""

    workspace: Workspace
    records: pa.Table
    scores: pa.Table
    clusters: pa.Table
    seed: int
    extra: Mapping[str, Numbers] = field(default_factory=dict)

    @cached_property
    def class_column(self) -> str:
        """What the rows are divided by: their label or, where none has one, their source."""
        labels = self.records.column("label")
        return "label" if labels.null_count < len(labels) else "source"

    def numbers(self, name: str, setting: str) -> Numbers:
        """The column `name` as numbers; a text that is no number raises `DataError`, as does an unknown name."""
        if name in score_columns.DIRECTIONS:
            return self._score(name)
        if name == "distance":
            return _of(self.clusters.column(name))
        if name == "length":
            return _of(characters(self.records.column("messages")))
        if name == "weight":
            return _of(self.records.column(name))
        if name == "random":
            return _of(chance.uniform(self.records.column("id").to_pylist(), self.seed, "random score"))
        if name in self.extra:
            return self.extra[name]
        column = self._attribute(name)
        if column is None:
            column = self._statistic(name)
        if column is None:
            raise DataError(f"{setting}: {self._unknown(name)}")
        if pa.types.is_string(column.type):
            return _parsed(column, name, setting)
        return _of(column)

    def texts(self, name: str, setting: str) -> pa.Array:
        """The column `name` as texts, null where a row has none. Raises `DataError` for an unknown name."""
        if name == CLASS:
            name = self.class_column
        if name in _RECORD:
            return _whole(self.records.column(name))
        if name == "cluster":
            return _whole(self.clusters.column(name)).cast(pa.string())
        if name == "suspected_label":
            return _whole(self.scores.column(name))
        column = self._attribute(name)
        if column is None:
            column = self._statistic(name)
        if column is None:
            raise DataError(f"{setting}: {self._unknown(name)}")
        return column if pa.types.is_string(column.type) else column.cast(pa.string())

    def groups(self, name: str, setting: str) -> list[str]:
        """The column `name` as the names of groups; rows without a value are a group of their own."""
        column = self.class_column if name == CLASS else name
        missing = NO_LABEL if column == "label" else NO_VALUE
        return list(pc.fill_null(self.texts(column, setting), missing).to_pylist())

    def _score(self, name: str) -> Numbers:
        found = _of(self.scores.column(name))
        reasons = self.scores.column(score_columns.reason_column(name)).drop_null()
        why = str(reasons[0]) if len(reasons) else ""
        is_target = set(self.scores.column("target").unique().to_pylist()) == {"label"}
        if name == "label_quality" and not is_target:
            # A probe of sources says nothing about labels.
            return Numbers(found.values, np.zeros(len(found.known), dtype=np.bool_), why or "there are no labels")
        return Numbers(found.values, found.known, why)

    def _attribute(self, name: str) -> pa.Array | None:
        name = name.removeprefix(ATTRIBUTES)
        attributes = _whole(self.records.column("attributes"))
        values = pc.map_lookup(attributes, pa.scalar(name), "first")
        return values if values.null_count < len(values) else None

    def _statistic(self, name: str) -> pa.Array | None:
        """A statistic of cleaning, by the file and the number of each row."""
        path = self.workspace.table("cleaned_data") / statistics.FILE
        measured = pq.read_schema(path).names if path.is_file() else []
        if name == _LANGUAGE:  # the step says of which part it is: language_conversation, language_answer, ...
            name = next((each for each in measured if each.startswith(_LANGUAGES) and "confidence" not in each), name)
        if name not in measured or name in tables.RAW.names:
            return None
        table = pq.read_table(path, columns=["file", "item", name], partitioning=None)
        files = pa.concat_arrays([_whole(table.column("file")), _whole(self.records.column("file"))])
        codes = files.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
        measured, wanted = codes[: table.num_rows], codes[table.num_rows :]
        keys = np.rec.fromarrays([measured, table.column("item").to_numpy()])
        order = np.argsort(keys, order=("f0", "f1"))
        asked = np.rec.fromarrays([wanted, self.records.column("item").to_numpy()])
        places = np.minimum(np.searchsorted(keys[order], asked), max(0, table.num_rows - 1))
        rows = order[places]
        return _whole(table.column(name)).take(pa.array(rows, mask=keys[rows] != asked))

    def _unknown(self, name: str) -> str:
        known = sorted(self._names())
        if name in known:
            kind = "numbers" if name in score_columns.DIRECTIONS or name in _NUMBERS or name in self.extra else "texts"
            return f"column '{name}' holds {kind}; name one of {'texts' if kind == 'numbers' else 'numbers'}"
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean '{escape(close[0])}'?" if close else f"there are {', '.join(known[:60])}"
        if name == "language":
            hint = "add the step `language` to cleaned_data.steps, which measures it"
        return f"no column '{escape(name, 80)}'; {hint}"

    def _names(self) -> set[str]:
        attributes = {key for row in self.records.column("attributes").slice(0, 1000).to_pylist() for key, _ in row}
        path = self.workspace.table("cleaned_data") / statistics.FILE
        measured = set(pq.read_schema(path).names) - set(tables.RAW.names) if path.is_file() else set()
        fixed = {*score_columns.DIRECTIONS, *_RECORD, *_NUMBERS, CLASS, "cluster", "suspected_label"}
        return fixed | set(self.extra) | {escape(name, 60) for name in attributes} | measured


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _of(column: pa.ChunkedArray | pa.Array | npt.NDArray[np.generic]) -> Numbers:
    if isinstance(column, np.ndarray):
        return Numbers(column.astype(np.float64), np.ones(len(column), dtype=np.bool_))
    whole = _whole(column)
    known = whole.is_valid().to_numpy(zero_copy_only=False)
    filled = pc.fill_null(whole.cast(pa.float64()), 0.0)
    return Numbers(filled.to_numpy(zero_copy_only=False).astype(np.float64), known)


def _parsed(column: pa.Array, name: str, setting: str) -> Numbers:
    """Texts as numbers; an empty text is no value."""
    values, known = np.zeros(len(column)), np.zeros(len(column), dtype=np.bool_)
    for row, text in enumerate(column.to_pylist()):
        if text is None or not text.strip():
            continue
        try:
            values[row] = float(text)
        except ValueError:
            raise DataError(
                f"{setting}: column '{escape(name, 80)}' holds '{escape(text, 40)}', which is no number; expected "
                "numbers, or nothing where there is none"
            ) from None
        known[row] = True
    return Numbers(values, known)

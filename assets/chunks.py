"""Rows on their way to tables: items become records of the formats that fit, and rows are gathered in chunks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from assets import files, tables
from assets.errors import SourceError
from assets.methods import formats
from assets.methods.rows import Item, Reject
from assets.methods.values import Unfit
from assets.params import Source

DEMO_ATTRIBUTES = ("kind", "visibility")


@dataclass(frozen=True)
class Chunk:
    """A bounded number of rows, records (schema `tables.RAW`) and rejects (`tables.REJECTED`) together."""

    records: pa.Table
    rejected: pa.Table


class Batch:
    """Rows on their way to a chunk."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []
        self._rejected: list[dict[str, Any]] = []
        self.chars = 0  # in the turns of the records

    @property
    def rows(self) -> int:
        """Records and rejects together."""
        return len(self._records) + len(self._rejected)

    def add_record(self, source: str, file: str, line: int, format: str, record: formats.ParsedRecord) -> None:
        """Add one record as a row of `tables.RAW`."""
        self.chars += sum(len(message["content"]) for message in record.messages)
        self._records.append(
            {
                "id": tables.record_id(record.messages, record.label),
                "source": source,
                "messages": record.messages,
                "label": record.label,
                "attributes": list(record.attributes.items()),
                "file": file,
                "line": line,
                "format": format,
            }
        )

    def add_reject(self, source: str, file: str, reject: Reject) -> None:
        """Add one reject as a row of `tables.REJECTED`, its text escaped and cut."""
        self._rejected.append(
            {
                "source": source,
                "file": file,
                "line": reject.line,
                "reason": reject.reason,
                "detail": tables.escape(reject.detail, 400),
                "text": tables.escape(reject.text),
            }
        )

    def take(self) -> Chunk:
        """The rows so far; the batch is empty again."""
        chunk = Chunk(
            pa.Table.from_pylist(self._records, schema=tables.RAW),
            pa.Table.from_pylist(self._rejected, schema=tables.REJECTED),
        )
        self._records, self._rejected, self.chars = [], [], 0
        return chunk


class StatedColumns:
    """Looks out for the columns that the settings of a source name, and for those that there are."""

    def __init__(self, source: Source) -> None:
        self._settings = {column: f"columns.{name}" for name, column in columns_of(source).items()}
        self._settings |= {column: "attributes" for column in attributes_of(source) if column not in self._settings}
        self._missing = set(self._settings)
        self._found: dict[str, None] = {}
        self._last: Any = None

    def see(self, value: dict[str, Any]) -> None:
        """Take note of the columns of one row."""
        columns = value.keys()
        if columns == self._last:  # as nearly always
            return
        self._last = columns
        self._missing.difference_update(columns)
        if len(self._found) < 20:
            self._found.update(dict.fromkeys(columns))

    def join(self, other: StatedColumns) -> None:
        """See all that `other` has seen."""
        self._missing &= other._missing
        self._found |= other._found

    def check(self, where: str) -> None:
        """Raise `SourceError` if a stated column was in none of the rows."""
        if self._missing and self._found:
            column = min(self._missing)
            stated = f"'{files.printable(column)}' ({self._settings[column]})"
            there = tables.escape(", ".join(list(self._found)[:20]), 300)
            raise SourceError(f"{where}: no row has the column {stated}; it has: {there}")


def convert(
    item: Item, format: str, columns: dict[str, str], attributes: Sequence[str]
) -> tuple[str, formats.ParsedRecord] | Reject:
    """The record that an item holds, with the name of its format, or the reject that says why there is none."""
    name = formats.detect(item.value, columns) if format == "auto" else format
    record = formats.to_record(item.value, name, columns, attributes) if name else formats.unknown(item.value)
    if name and isinstance(record, formats.ParsedRecord):
        return name, record
    unfit = cast(Unfit, record)
    text = json.dumps(item.value, ensure_ascii=False, default=str)
    return Reject(item.line, unfit.reason, unfit.detail, text)


def columns_of(source: Source) -> dict[str, str]:
    """The columns that the settings name, by their usual names."""
    return {name: column for name, column in source.columns.model_dump().items() if column is not None}


def attributes_of(source: Source) -> tuple[str, ...]:
    """The columns that are kept beside the record, each once; the demo has two of its own."""
    return tuple(dict.fromkeys((*DEMO_ATTRIBUTES, *source.attributes))) if source.demo else source.attributes

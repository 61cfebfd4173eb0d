"""Rows on their way to tables: items become records of the formats that fit, and rows are gathered in chunks.

Everything is gathered by columns, because a table made of one mapping a row takes twice the time of all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import repeat

import pyarrow as pa

from assets import tables
from assets.methods import formats
from assets.methods.filtering import Condition, filtered, text_of
from assets.methods.paths import add_reached
from assets.methods.rows import MAX_ITEM_CHARS, Item, Reject, too_long
from assets.methods.values import Unfit

# A chunk is full when it has so many rows, or so many characters: memory is bounded for long rows, too.
CHUNK_ROWS = 10_000
CHUNK_CHARS = 64 * 2**20


@dataclass(frozen=True)
class Chunk:
    """A bounded number of rows, records (schema `tables.RAW`) and rejects (`tables.LEDGER`) together."""

    records: pa.Table
    rejected: pa.Table


@dataclass(frozen=True)
class Reader:
    """How the items of a source become records; see `formats.to_records`."""

    format: str = "auto"
    columns: dict[str, str] = field(default_factory=dict)  # usual names to those of the data
    attributes: tuple[str, ...] = ()
    tags: dict[str, str] | None = None
    conditions: tuple[Condition, ...] = ()
    paths: tuple[str, ...] = ()  # stated columns whose names reach inside others
    max_chars: int = MAX_ITEM_CHARS

    def records(self, item: Item) -> tuple[str, list[formats.ParsedRecord | Reject]]:
        """The name of an item's format, and the records in it or, in their places, why there is none."""
        value = item.value
        if self.paths:
            add_reached(value, self.paths)
        if self.conditions and (miss := filtered(item, self.conditions)):
            return "", [miss]
        name = formats.detect(value, self.columns) if self.format == "auto" else self.format
        if name is None:
            return "", [self._reject(item, formats.unknown(value))]
        found = formats.to_records(value, name, self.columns, self.attributes, self.tags)
        return name, [self._checked(item, each) for each in found] or [self._reject(item, _NOTHING)]

    def _checked(self, item: Item, found: formats.ParsedRecord | Unfit) -> formats.ParsedRecord | Reject:
        if isinstance(found, Unfit):
            return self._reject(item, found)
        chars = 0
        for message in found.messages:
            chars += len(message["content"])
        if chars > self.max_chars:
            return too_long(item.line, text_of(item.value), self.max_chars, chars) or found
        return found

    def _reject(self, item: Item, unfit: Unfit) -> Reject:
        return Reject(item.line, unfit.reason, unfit.detail, text_of(item.value))


_NOTHING = Unfit("empty_item", "the item holds no example, only the frame of some")


class _Maps:
    """A column of maps from text to text, as it grows."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._values: list[str] = []
        self._ends = [0]

    def add(self, entries: dict[str, str]) -> None:
        if entries:
            self._keys.extend(entries)
            self._values.extend(entries.values())
        self._ends.append(len(self._keys))

    def array(self) -> pa.MapArray:
        """The column as Arrow has it."""
        keys, values = pa.array(self._keys, pa.string()), pa.array(self._values, pa.string())
        return pa.MapArray.from_arrays(pa.array(self._ends, pa.int32()), keys, values, type=tables.ATTRIBUTES)


class Batch:
    """Rows on their way to a chunk, by columns."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.chars = 0  # in the turns of the records and the texts of the rejects
        self._ids: list[str] = []
        self._roles: list[str] = []
        self._contents: list[str] = []
        self._ends = [0]  # of the turns of each record
        self._labels: list[str | None] = []
        self._attributes, self._extras = _Maps(), _Maps()
        # Source, file, line, item, weight and format of each record.
        self._origins: list[tuple[str, str, int, int, float, str]] = []
        self._rejected: list[tuple[str, str, int, int, Reject]] = []

    @property
    def rows(self) -> int:
        """Records and rejects together."""
        return len(self._ids) + len(self._rejected)

    @property
    def is_full(self) -> bool:
        """Whether it is time for `take`."""
        return len(self._ids) + len(self._rejected) >= CHUNK_ROWS or self.chars >= CHUNK_CHARS

    def add_record(
        self, origin: tuple[str, str, int, int], weight: float, format: str, record: formats.ParsedRecord
    ) -> None:
        """Add one record as a row of `tables.RAW`; its origin is source, file, line and item."""
        for message in record.messages:
            content = message["content"]
            self._roles.append(message["role"])
            self._contents.append(content)
            self.chars += len(content)
        self._ends.append(len(self._roles))
        self._ids.append(tables.record_id(record.messages, record.label))
        self._labels.append(record.label)
        self._attributes.add(record.attributes)
        self._extras.add(record.extras)
        self._origins.append((*origin, weight, format))

    def add_reject(self, origin: tuple[str, str, int, int], reject: Reject) -> None:
        """Add one reject as a row of `tables.LEDGER`, its texts escaped and cut."""
        source, file, line, item = origin
        shown = Reject(
            line,
            reject.reason,
            tables.escape(reject.detail, 400),
            tables.escape(reject.text),
            None if reject.value is None else tables.escape(reject.value),
            None if reject.threshold is None else tables.escape(reject.threshold),
            reject.step,
        )
        self.chars += len(shown.text)
        self._rejected.append((source, file, line, item, shown))

    def take(self) -> Chunk:
        """The rows so far; the batch is empty again."""
        chunk = Chunk(self._records(), self._rejects())
        self._clear()
        return chunk

    def _records(self) -> pa.Table:
        sources, files, lines, items, weights, formats = (
            zip(*self._origins, strict=True) if self._origins else ((),) * 6
        )
        turns = pa.StructArray.from_arrays(
            [pa.array(self._roles, pa.string()), pa.array(self._contents, pa.string())],
            fields=list(tables.MESSAGES.value_type),
        )
        columns = {
            "id": self._ids,
            "source": sources,
            "messages": pa.ListArray.from_arrays(pa.array(self._ends, pa.int32()), turns, type=tables.MESSAGES),
            "label": self._labels,
            "attributes": self._attributes.array(),
            "extras": self._extras.array(),
            "file": files,
            "line": lines,
            "item": items,
            "weight": weights,
            "format": formats,
        }
        return _table(columns, tables.RAW)

    def _rejects(self) -> pa.Table:
        sources, files, lines, items, rejects = zip(*self._rejected, strict=True) if self._rejected else ((),) * 5
        none = list(repeat(None, len(self._rejected)))
        columns = {
            "id": none,
            "source": sources,
            "file": files,
            "line": lines,
            "item": items,
            **{
                name: [getattr(r, name) for r in rejects] for name in ("step", "reason", "detail", "value", "threshold")
            },
            "kept_id": none,
            "hit": none,
            "text": [reject.text for reject in rejects],
        }
        return _table(columns, tables.LEDGER)


def _table(columns: Mapping[str, object], schema: pa.Schema) -> pa.Table:
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, schema.field(name).type)
        for name, column in ((name, columns[name]) for name in schema.names)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)

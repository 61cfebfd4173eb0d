"""The statistics of raw_data as columns, `cleaned_data/statistics.parquet`: measured once, judged as often as liked.

A column bears in its metadata a hash of all that its values depend on: the content of raw_data, the code, the changes
made to the text before, and the statistic's own name. Where the hash of an earlier run is the same, the column is taken
over and nothing is measured, so that another threshold costs no statistic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assets import tables

FILE = "statistics.parquet"
_ROW = [tables.RAW.field(name) for name in ("id", "file", "item")]
_MADE_OF = b"made_of"


@dataclass(frozen=True)
class Column:
    """One statistic: its name, its type, and the hash of all that its values depend on."""

    name: str
    type: pa.DataType
    made_of: str

    @property
    def field(self) -> pa.Field:
        """The field of the Parquet file."""
        return pa.field(self.name, self.type, metadata={_MADE_OF: self.made_of})


def made_of(*parts: str) -> str:
    """The hash of what a column depends on."""
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


class Known:
    """The columns of an earlier run that still hold, handed out as many rows at a time as are asked for."""

    def __init__(self, folder: Path, columns: Sequence[Column], rows: int) -> None:
        """Look into the `statistics.parquet` in `folder`, which may be absent, damaged or of other columns."""
        self.names: tuple[str, ...] = ()
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._rest: pa.Table | None = None
        try:
            file = pq.ParquetFile(folder / FILE)
        except (OSError, pa.ArrowException):
            return
        schema = file.schema_arrow
        if file.metadata.num_rows != rows:
            return
        self.names = tuple(c.name for c in columns if _holds(schema, c))
        if self.names:
            self._batches = file.iter_batches(columns=list(self.names))

    def take(self, rows: int) -> dict[str, pa.Array]:
        """The next `rows` rows of every known column."""
        if not self.names:
            return {}
        parts = [] if self._rest is None else [self._rest]
        while sum(part.num_rows for part in parts) < rows or not parts:
            parts.append(pa.Table.from_batches([next(self._batches)]))
        table = pa.concat_tables(parts)
        self._rest = table.slice(rows)
        return {name: table.column(name).slice(0, rows).combine_chunks() for name in self.names}


def _holds(schema: pa.Schema, column: Column) -> bool:
    index = schema.get_field_index(column.name)
    if index < 0:
        return False
    field = schema.field(index)
    return bool(field.type == column.type and (field.metadata or {}).get(_MADE_OF) == column.made_of.encode())


class Writer:
    """Writes `statistics.parquet` into `folder`, one row for each row of raw_data, in its order."""

    def __init__(self, folder: Path, columns: Sequence[Column]) -> None:
        self._file = tables.FileWriter(folder / FILE, pa.schema([*_ROW, *(column.field for column in columns)]))

    def write(self, rows: pa.Table, columns: Mapping[str, pa.Array]) -> None:
        """Append the rows of a batch, whose id, file and item stand in `rows`."""
        named = {field.name: rows.column(field.name) for field in _ROW}
        self._file.write(pa.table({**named, **columns}))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

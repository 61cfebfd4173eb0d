"""The statistics of raw_data as columns, `cleaned_data/statistics.parquet`: measured once, judged as often as liked.

Beside the table, in the workspace's memory, stands for each column a hash of all that its values depend on: the content
of raw_data, the code, the changes made to the text before, and the statistic's own name. Where it is the same as that
of an earlier run, the column is taken over and nothing is measured, so that another bound costs no statistic. In the
table itself the hash would make other bytes of the same numbers whenever the code changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assets import tables
from assets.workspace import read_json

FILE = "statistics.parquet"
_ROW = [tables.RAW.field(name) for name in ("id", "file", "item")]
_MEMORY = "statistics.json"
_MEMORIES = 20  # earlier states of the file that are known again, after a roll back for one


@dataclass(frozen=True)
class Column:
    """One statistic: its name, its type, and the hash of all that its values depend on."""

    name: str
    type: pa.DataType
    made_of: str


def made_of(*parts: str) -> str:
    """The hash of what a column depends on."""
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


class Known:
    """The columns of an earlier run that still hold, handed out as many rows at a time as are asked for."""

    def __init__(self, folder: Path, home: Path, columns: Sequence[Column]) -> None:
        """Look into the `statistics.parquet` in `folder`, which may be absent, damaged or of other columns."""
        self.names: tuple[str, ...] = ()
        try:
            file = pq.ParquetFile(folder / FILE)
            known = (read_json(home / _MEMORY) or {}).get(tables.file_md5(folder / FILE), {})
        except (OSError, pa.ArrowException):
            return
        self.names = tuple(column.name for column in columns if known.get(column.name) == column.made_of)
        if self.names:
            self._rows = tables.Handout(file.iter_batches(columns=list(self.names)))

    def take(self, rows: int) -> dict[str, pa.Array]:
        """The next `rows` rows of every known column."""
        if not self.names:
            return {}
        table = self._rows.take(rows)
        return {name: table.column(name).combine_chunks() for name in self.names}


def remember(folder: Path, home: Path, columns: Sequence[Column]) -> None:
    """Note what the columns of the `statistics.parquet` in `folder` were made of."""
    known = read_json(home / _MEMORY) or {}
    content = tables.file_md5(folder / FILE)
    known.pop(content, None)
    known[content] = {column.name: column.made_of for column in columns}
    tables.write_json(home / _MEMORY, dict(list(known.items())[-_MEMORIES:]), sort_keys=False)


class Writer:
    """Writes `statistics.parquet` into `folder`, one row for each row of raw_data, in its order."""

    def __init__(self, folder: Path, columns: Sequence[Column]) -> None:
        self._file = tables.FileWriter(
            folder / FILE, pa.schema([*_ROW, *(pa.field(column.name, column.type) for column in columns)])
        )

    def write(self, rows: pa.Table, columns: Mapping[str, pa.Array]) -> None:
        """Append the rows of a batch, whose id, file and item stand in `rows`."""
        named = {field.name: rows.column(field.name) for field in _ROW}
        self._file.write(pa.table({**named, **columns}))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

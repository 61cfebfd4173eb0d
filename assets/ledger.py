"""The ledger of left-out rows, `rejected.parquet` and `dropped.parquet`: written as it grows, counted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from assets import tables
from assets.drops import Drops, Key

_KEY = ["source", "step", "reason"]
_BATCH_ROWS = 50_000


class LedgerWriter:
    """Writes rows of the schema `tables.LEDGER` to one file and counts them by source, step and reason.

    Memory: a row group. The bytes do not depend on how the rows arrived. As a context manager it closes itself; where
    the block ends by an error, what was written is left to whoever removes the folder.
    """

    def __init__(self, path: Path) -> None:
        self.counts: Counter[Key] = Counter()
        self._file = tables.FileWriter(path, tables.LEDGER)
        self._is_open = True

    def __enter__(self) -> LedgerWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.close()

    def write(self, table: pa.Table) -> None:
        """Append `table`, whose columns must be those of `tables.LEDGER`."""
        self._file.write(table)
        _count(table, self.counts)

    def close(self, rows_in: Mapping[str, int] | None = None, kept: Mapping[str, int] | None = None) -> Drops:
        """Finish the file; what was left out, of the rows that came in and stayed by source, as in `Drops.of`."""
        if self._is_open:
            self._is_open = False
            self._file.close()
        return Drops.of(self.counts, rows_in, kept)


def count(path: Path) -> Counter[Key]:
    """The rows of a ledger on disk by source, step and reason. Memory: a batch of three columns."""
    counts: Counter[Key] = Counter()
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=_KEY):
            _count(pa.Table.from_batches([batch]), counts)
    return counts


def _count(table: pa.Table, counts: Counter[Key]) -> None:
    grouped = table.select(_KEY).group_by(_KEY, use_threads=False).aggregate([([], "count_all")])
    columns = [grouped.column(name).to_pylist() for name in (*_KEY, "count_all")]
    for source, step, reason, rows in zip(*columns, strict=True):
        counts[(source, step, reason)] += rows

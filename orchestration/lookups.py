"""Lookups: single rows out of tables of any size. The key columns are looked through; of the others only what is near a
match is read.

Cost: the key columns once, a row group at a time, and for each row group with a match its other columns up to there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets import tables
from assets.errors import DataError
from assets.tables import escape

Matches = Callable[[pa.Table], pa.Array | pa.ChunkedArray]  # the key columns of some rows → whether each is wanted
Origin = tuple[str, int]  # file and item: they name one row
_BATCH_ROWS = 256


@dataclass(frozen=True)
class Found:
    """How many rows match, and the first of them."""

    count: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Tables:
    """The tables of the project at `root`, as they are: nothing is locked, mended or made."""

    root: Path

    def parts(self, asset: str, file: str = "") -> list[Path]:
        """The shards of an asset's table, or the one extra file of that name; none if there are none."""
        folder = self.root / "data" / asset
        if not file:
            return tables.shards(folder)
        return [folder / file] if (folder / file).is_file() else []

    def find(
        self,
        asset: str,
        keys: Sequence[str],
        matches: Matches,
        columns: Sequence[str] | None = None,
        most: int | None = None,
        file: str = "",
    ) -> Found:
        """The rows of a table (of `file`, if named) whose `keys` match: all counted, the first `most` of them read.

        Raises `DataError`, one line, for a table that cannot be read or was written by an earlier release.
        """
        count = 0
        rows: list[dict[str, Any]] = []
        for path in self.parts(asset, file):
            with _opened(path, asset) as table:
                _require(table, [*keys, *(columns or ())], path, asset)
                for group in range(table.num_row_groups):
                    mask = pc.fill_null(matches(table.read_row_group(group, columns=list(keys))), False)
                    places = np.flatnonzero(np.asarray(mask))
                    count += len(places)
                    if most is not None:
                        places = places[: most - len(rows)]
                    rows += _read(table, group, places, columns)
        return Found(count, rows)

    def scan(self, asset: str, columns: Sequence[str], file: str = "") -> Iterator[pa.Table]:
        """Some columns of a whole table, a row group at a time; raises as `find` does."""
        for path in self.parts(asset, file):
            with _opened(path, asset) as table:
                _require(table, columns, path, asset)
                for group in range(table.num_row_groups):
                    yield table.read_row_group(group, columns=list(columns))

    def rows(self, asset: str) -> int:
        """The number of rows of an asset's table, from the footers of its shards."""
        count = 0
        for path in self.parts(asset):
            with _opened(path, asset) as table:
                count += table.metadata.num_rows
        return count


def by_value(column: str, values: Sequence[str]) -> Matches:
    """Rows whose `column` is one of `values`."""
    wanted = pa.array(values, pa.string())
    return lambda keys: pc.is_in(keys.column(column), wanted)


def by_beginning(columns: Sequence[str], beginning: str) -> Matches:
    """Rows of which one of `columns` begins like this."""

    def matches(keys: pa.Table) -> pa.Array:
        masks = [pc.fill_null(pc.starts_with(keys.column(name), beginning), False) for name in columns]
        result = masks[0]
        for mask in masks[1:]:
            result = pc.or_(result, mask)
        return result

    return matches


def by_origin(origins: Sequence[Origin]) -> Matches:
    """Rows that were read there, by the columns file and item."""
    wanted = set(origins)
    files, items = pa.array([file for file, _ in wanted]), pa.array([item for _, item in wanted], pa.int64())

    def matches(keys: pa.Table) -> pa.Array:
        near = pc.and_(pc.is_in(keys.column("item"), items), pc.is_in(keys.column("file"), files))
        mask = np.array(near, dtype=bool)
        for place in np.flatnonzero(mask):
            mask[place] = (keys.column("file")[place].as_py(), keys.column("item")[place].as_py()) in wanted
        return pa.array(mask)

    return matches


@contextmanager
def _opened(path: Path, asset: str) -> Iterator[pq.ParquetFile]:
    where = f"data/{asset}/{path.name}"
    try:
        with pq.ParquetFile(path) as table:
            yield table
    except FileNotFoundError:
        raise DataError(f"{where}: gone while it was read, because a run is writing; ask again after it") from None
    except (OSError, pa.ArrowException) as error:
        why = escape(str(error).splitlines()[0] if str(error) else type(error).__name__, 100)
        raise DataError(f"{where}: cannot be read ({why}); materialize {asset} again") from None


def _require(table: pq.ParquetFile, columns: Sequence[str], path: Path, asset: str) -> None:
    missing = [name for name in columns if name not in table.schema_arrow.names]
    if missing:
        raise DataError(
            f"data/{asset}/{path.name}: has no column '{missing[0]}', as tables of earlier releases; "
            f"materialize {asset} again"
        )


def _read(
    table: pq.ParquetFile, group: int, places: npt.NDArray[np.int64], columns: Sequence[str] | None
) -> list[dict[str, Any]]:
    """The rows at ascending places of a row group."""
    if not len(places):
        return []
    rows: list[dict[str, Any]] = []
    start = 0
    wanted = list(columns) if columns is not None else None
    for batch in table.iter_batches(_BATCH_ROWS, row_groups=[group], columns=wanted):
        inside = places[(places >= start) & (places < start + batch.num_rows)] - start
        if len(inside):
            rows += batch.take(pa.array(inside)).to_pylist()
        start += batch.num_rows
        if start > places[-1]:
            break
    return rows

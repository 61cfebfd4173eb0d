"""Tables on disk: the schema of each, record ids, and atomic, deterministic Parquet writing.

A table is a folder under `data/` that holds Parquet shards with fixed names and, beside them, small extra files.
The same rows always give the same bytes, so a folder's content hash identifies its content; it is the very hash that
DVC records for the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from assets import score_columns
from assets.methods.language.scores import TURN

SHARD_ROWS = 50_000
GROUP_ROWS = 10_000  # what a reader that streams has in memory at a time

MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
ATTRIBUTES = pa.map_(pa.string(), pa.string())
# How alike a row is to each target set, and to which of its items most: the file and the number of the item.
TARGETS = pa.list_(
    pa.struct(
        [
            pa.field("target", pa.string()),
            pa.field("best", pa.float64()),
            pa.field("mean", pa.float64()),
            pa.field("item", pa.string()),
        ]
    )
)

_RECORD = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("messages", MESSAGES, nullable=False),
    pa.field("label", pa.string()),
    pa.field("attributes", ATTRIBUTES, nullable=False),
    # What the format carries besides turns and label, so that the row can be written again; see methods/formats.
    pa.field("extras", ATTRIBUTES, nullable=False),
]
# Where a row was read: the file as the user wrote it, its line in it, and its number among all the rows of the file,
# good and bad, both counted from 1. Several rows may stand on one line; file and item together name one row.
_ORIGIN = [
    pa.field("file", pa.string(), nullable=False),
    pa.field("line", pa.int64(), nullable=False),
    pa.field("item", pa.int64(), nullable=False),
]
# How much a row counts beside others, as its source's `weight` says, and the format it was read in.
_READ_AS = [pa.field("weight", pa.float64(), nullable=False), pa.field("format", pa.string(), nullable=False)]

RAW = pa.schema([*_RECORD, *_ORIGIN, *_READ_AS])
# After cleaning the id is that of the cleaned content; `raw_id` leads back to raw_data.
CLEANED = pa.schema([*_RECORD, *_ORIGIN, *_READ_AS, pa.field("raw_id", pa.string(), nullable=False)])
# Every row that is left out, in raw_data/rejected.parquet and cleaned_data/dropped.parquet alike.
LEDGER = pa.schema(
    [
        pa.field("id", pa.string()),  # the raw id; null for what never became a record
        pa.field("source", pa.string(), nullable=False),
        *_ORIGIN,
        pa.field("step", pa.string(), nullable=False),  # what left it out: reading, filter, a cleaning step, near, …
        pa.field("reason", pa.string(), nullable=False),  # a short, countable name
        pa.field("detail", pa.string(), nullable=False),  # the reason in one sentence, escaped
        pa.field("value", pa.string()),  # what was found, escaped
        pa.field("threshold", pa.string()),  # the bound that it missed
        pa.field("kept_id", pa.string()),  # for duplicates: the id of the row that was kept, here or elsewhere (`hit`)
        pa.field("hit", pa.string()),  # the row of another file or version that this one repeats: file, item, text
        pa.field("text", pa.string(), nullable=False),  # the beginning of the text, escaped
    ]
)
SCORES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        *(pa.field(name, pa.float64()) for name in score_columns.PROBE),
        pa.field("suspected_label", pa.string()),
        pa.field("target", pa.string()),  # what the probe predicted: label or source; null = nothing to predict
        pa.field("null_reason", pa.string()),  # why scores of the probe are null
        *(pa.field(name, pa.float64()) for name in score_columns.LANGUAGE),
        pa.field("response_tokens", pa.int32()),  # that the language model scored
        pa.field("cut_tokens", pa.int32()),  # of the response that it did not see: its context had ended
        pa.field("turns", pa.list_(TURN)),  # what each assistant turn of a conversation scores
        pa.field("language_null_reason", pa.string()),
        *(pa.field(name, pa.float64()) for name in score_columns.TAGGING),
        pa.field("tagging_null_reason", pa.string()),
        *(pa.field(name, pa.float64()) for name in score_columns.ANSWERS),
        pa.field("answer_damage", pa.string()),  # what its answer looks most like: swapped, cut, scrambled, common
        pa.field("answer_null_reason", pa.string()),
    ]
)
CLUSTERS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        pa.field("distance", pa.float32(), nullable=False),
        pa.field("x", pa.float32(), nullable=False),
        pa.field("y", pa.float32(), nullable=False),
    ]
)
SUBSET = pa.schema(
    [
        pa.field("rank", pa.int64(), nullable=False),
        *_RECORD,
        pa.field("gain", pa.float64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        *_ORIGIN,
        pa.field("format", pa.string(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),  # characters of all turns
        pa.field("tokens", pa.int64()),  # where the budget is in tokens
        pa.field("phase", pa.string(), nullable=False),  # required, previous, random, chosen, filled, suspected
        pa.field("contributions", pa.map_(pa.string(), pa.float64()), nullable=False),  # what each score makes of it
        pa.field("covers", pa.int64(), nullable=False),  # rows of the pool that it stands for, itself among them
        pa.field("targets", TARGETS, nullable=False),
    ]
)
# Every row of cleaned_data that is not in the subset: selected_subset/not_selected.parquet.
NOT_SELECTED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("reason", pa.string(), nullable=False),  # a short, countable name
        pa.field("detail", pa.string(), nullable=False),  # the reason in one sentence, escaped
        pa.field("lost_to", pa.string()),  # the id of the chosen row that stands for it, or of the last of its group
        pa.field("similarity", pa.float32()),  # the cosine to the row that stands for it
    ]
)


def embeddings_schema(dimensions: int) -> pa.Schema:
    """The schema of the embeddings table: one unit-length float32 vector of `dimensions` numbers per row."""
    vector = pa.list_(pa.field("item", pa.float32(), nullable=False), dimensions)
    return pa.schema(
        [pa.field("id", pa.string(), nullable=False), pa.field("vector", vector, nullable=False)],
    )


def record_id(messages: Sequence[dict[str, str]], label: str | None) -> str:
    """The id of a record: 32 hex digits, BLAKE2b-128 over the canonical JSON of (messages, label).

    The same content has the same id whatever its file, order, source or attributes.
    Cost: linear in the text.
    """
    turns = [{"content": turn["content"], "role": turn["role"]} for turn in messages]
    return hashlib.blake2b(orjson.dumps([turns, label]), digest_size=16).hexdigest()


def escape(text: str, limit: int = 200) -> str:
    """`text` made safe to look at anywhere: control, format and surrogate characters as escapes, cut at `limit`.

    A cut is visible: the number of characters left out is appended.
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:limit])
    return shown if len(text) <= limit else f"{shown}… (+{len(text) - limit:,} characters)"


# -- writing ---------------------------------------------------------------------------------------------------------


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty temporary folder that takes the place of `folder` when the block ends without an error.

    A reader, or a run that was killed, finds the old content or the new, never a mixture.
    """
    recover(folder)
    fresh = folder.with_name(f".{folder.name}.new")
    _remove(fresh)
    fresh.mkdir(parents=True)
    try:
        yield fresh
    except BaseException:
        _remove(fresh)
        raise
    old = folder.with_name(f".{folder.name}.old")
    _remove(old)
    if folder.exists():
        os.replace(folder, old)
    os.replace(fresh, folder)
    _remove(old)


def recover(folder: Path) -> None:
    """Put `folder` back if a run was killed between the two renames of `replacing`."""
    old = folder.with_name(f".{folder.name}.old")
    if old.exists() and not folder.exists():
        os.replace(old, folder)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


class ShardWriter:
    """Writes rows as `part-00000.parquet`, `part-00001.parquet`, … of exactly `rows` rows each but for the last.

    Shards are cut by row count alone, so the size of the batches that arrive does not show in the bytes.
    """

    def __init__(self, folder: Path, schema: pa.Schema, rows: int = SHARD_ROWS) -> None:
        self.folder, self.schema, self.rows = folder, schema, rows
        self.count = 0
        self._shards = 0
        self._pending: list[pa.Table] = []
        self._pending_rows = 0

    def write(self, table: pa.Table) -> None:
        """Append `table`, whose columns must be those of the schema."""
        table = table.select(self.schema.names).cast(self.schema)
        self.count += table.num_rows
        self._pending.append(table)
        self._pending_rows += table.num_rows
        while self._pending_rows >= self.rows:
            self._flush(self.rows)

    def close(self) -> int:
        """Write what is left (an empty table leaves one empty shard); return the number of rows written."""
        if self._pending_rows or not self._shards:
            self._flush(self._pending_rows)
        return self.count

    def _flush(self, rows: int) -> None:
        table = pa.concat_tables(self._pending) if self._pending else self.schema.empty_table()
        write_parquet(table.slice(0, rows), self.folder / f"part-{self._shards:05d}.parquet")
        self._pending = [table.slice(rows)] if table.num_rows > rows else []
        self._pending_rows -= rows
        self._shards += 1


class FileWriter:
    """Writes rows as one Parquet file of any length, in row groups of exactly GROUP_ROWS rows but for the last.

    Groups are cut by row count alone, so the size of the batches that arrive does not show in the bytes. Memory: a
    group. Left by an error, it leaves what it wrote to whoever removes the folder.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self.count = 0
        self._file = pq.ParquetWriter(path, schema, compression="zstd", version="2.6", store_schema=True)
        self._pending: list[pa.Table] = []
        self._pending_rows = 0

    def write(self, table: pa.Table) -> None:
        """Append `table`, whose columns must be those of the schema."""
        self.count += table.num_rows
        self._pending.append(table.select(self.schema.names).cast(self.schema))
        self._pending_rows += table.num_rows
        while self._pending_rows >= GROUP_ROWS:
            self._flush(GROUP_ROWS)

    def close(self) -> int:
        """Write what is left; return the number of rows written."""
        if self._pending_rows:
            self._flush(self._pending_rows)
        self._file.close()
        return self.count

    def _flush(self, rows: int) -> None:
        table = pa.concat_tables(self._pending)
        # combine_chunks: the page layout must not depend on how the rows arrived.
        self._file.write_table(table.slice(0, rows).combine_chunks(), row_group_size=rows)
        self._pending = [table.slice(rows)] if table.num_rows > rows else []
        self._pending_rows -= rows


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write one Parquet file with fixed settings: the same rows give the same bytes."""
    writer = FileWriter(path, table.schema)
    writer.write(table)
    writer.close()


def write_json(path: Path, value: Any, sort_keys: bool = True) -> None:
    """Write `value` as indented JSON through a temporary name; sorted, unless the order of its keys means something."""
    text = json.dumps(value, indent=2, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 through a temporary name, so that a killed run leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(text.encode("utf-8"))
    os.replace(temporary, path)


# -- reading ---------------------------------------------------------------------------------------------------------


def shards(folder: Path) -> list[Path]:
    """The shards of a table, in row order."""
    return sorted(folder.glob("part-*.parquet"))


def read(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The whole table in row order. Memory: the columns asked for."""
    return pa.concat_tables(
        pq.read_table(shard, columns=list(columns) if columns else None, partitioning=None) for shard in shards(folder)
    )


def batches(folder: Path, columns: Sequence[str] | None = None, rows: int = 10_000) -> Iterable[pa.RecordBatch]:
    """The table in row order, `rows` at a time. Memory: one batch."""
    for shard in shards(folder):
        with pq.ParquetFile(shard) as file:
            yield from file.iter_batches(batch_size=rows, columns=list(columns) if columns else None)


class Handout:
    """Hands out the rows of `batches`, as many at a time as are asked for. Memory: the rest of a batch."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        self._rest: pa.Table | None = None

    def take(self, rows: int) -> pa.Table:
        """The next `rows` rows, of which there must be so many."""
        parts = [] if self._rest is None else [self._rest]
        while sum(part.num_rows for part in parts) < rows or not parts:
            parts.append(pa.Table.from_batches([next(self._batches)]))
        table = pa.concat_tables(parts)
        self._rest = table.slice(rows)
        return table.slice(0, rows)


def schema_of(folder: Path) -> pa.Schema:
    """The schema of a table, read from its first shard's footer."""
    return pq.read_schema(shards(folder)[0])


def count_rows(folder: Path) -> int:
    """The number of rows, read from the shards' footers."""
    return sum(pq.read_metadata(shard).num_rows for shard in shards(folder))


# -- identity --------------------------------------------------------------------------------------------------------


def content_hash(folder: Path, file_hash: Callable[[Path], str] | None = None) -> str:
    """The hash DVC records for a folder: the MD5 of its sorted list of (relative path, MD5 of the file), plus `.dir`.

    MD5 because it is what DVC writes into `dvc.lock`: the data version that Dagster shows and the one that DVC
    stores are the same string. `file_hash` may remember the MD5 of files it has seen. Cost: one read of every file.
    """
    hash_of = file_hash or file_md5
    listing = [
        {"md5": hash_of(path), "relpath": path.relative_to(folder).as_posix()}
        for path in folder.rglob("*")
        if path.is_file()
    ]
    listing.sort(key=lambda entry: tuple(entry["relpath"].split("/")))
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode("utf-8")).hexdigest() + ".dir"


def file_md5(path: Path) -> str:
    """The MD5 of a file's bytes, as DVC records it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()

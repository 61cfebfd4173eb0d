"""What was computed before, by key, on disk: a cache that several runs may write, and that a kill cannot spoil.

A cache is a folder of Parquet shards that are only ever added, each under a name of its own and complete or absent.
What the columns beside `key` mean is the business of whoever keeps them here.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

MERGE_FROM = 16  # small shards that are worth merging
MERGED_ROWS = 16_384
STALE_SECONDS = 3_600.0  # an unfinished file of this age belongs to no living run: a shard takes under a second
_DAMAGE = (pa.ArrowException, OSError, KeyError)

Keys = npt.NDArray[np.bytes_]  # BLAKE2b-128 of what was asked, dtype S16
T = TypeVar("T")


def text_keys(texts: Sequence[str]) -> Keys:
    """The cache key of each text: BLAKE2b-128 of its UTF-8."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts)
    return np.frombuffer(digests, "S16")


def key_array(keys: Keys) -> pa.FixedSizeBinaryArray:
    """Keys as the column `key` of a shard."""
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(keys), [None, pa.py_buffer(np.ascontiguousarray(keys))]
    )


def keys_of(table: pa.Table) -> Keys:
    """The keys of a shard."""
    return np.frombuffer(b"".join(table.column("key").cast(pa.binary()).to_pylist()), "S16")


class Wanted:
    """The n rows that are asked for, by key; equal ones share a key. All arrays but `inverse` go by key.

    `keys`: in order. `first`: the first row of each. `counts`: its rows. `inverse`: (n,) the number of each row's key.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys, self.first, self.inverse = np.unique(keys, return_index=True, return_inverse=True)
        self.counts = np.bincount(self.inverse, minlength=len(self.keys))
        self._known = np.zeros(len(self.keys), bool)

    def match(self, keys: Keys) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Which of the `keys` that were found are wanted and not known yet, and their numbers; known from now on.

        One that was found twice counts once.
        """
        if not len(keys) or not len(self.keys):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        wanted = (self.keys[at] == keys) & ~self._known[at]
        _, once = np.unique(at[wanted], return_index=True)
        source = np.flatnonzero(wanted)[once]
        self._known[at[source]] = True
        return source, at[source]

    def missing(self) -> npt.NDArray[np.int64]:
        """The numbers of the keys that are not known, in the order of their first row."""
        keys = np.flatnonzero(~self._known)
        return keys[np.argsort(self.first[keys], kind="stable")]


class KeyedShards:
    """The cache in `folder`. `discarded` counts the damaged shards that were removed."""

    def __init__(self, folder: Path) -> None:
        """Name the cache; nothing is touched until it is read or written."""
        self.folder = folder
        self.discarded = 0

    def read(self, parse: Callable[[pa.Table], T]) -> Iterator[T]:
        """All that is in the cache, shard by shard. A key may come twice, with the same values.

        A shard that cannot be read or parsed, as a full disk or a power cut may leave one, is removed and counted: what
        was in it is computed again. Memory: one shard.
        """
        for shard in self._shards():
            try:
                # partitioning=None: a folder called a=b above the cache is not a column.
                found = parse(pq.read_table(shard, partitioning=None, page_checksum_verification=True))
            except FileNotFoundError:  # merged by another run since it was listed
                continue
            except _DAMAGE:
                shard.unlink(missing_ok=True)
                self.discarded += 1
                continue
            yield found

    def append(self, table: pa.Table) -> None:
        """Add rows as a shard of their own: whole, or, if the run is killed meanwhile, not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex
        temporary = self.folder / f".{name}.new"
        pq.write_table(table, temporary, use_dictionary=False, write_page_checksum=True)
        os.replace(temporary, self.folder / f"{name}.parquet")

    def tidy(self) -> None:
        """Merge small shards once there are many, and remove what killed runs left unfinished."""
        for path in self.folder.glob(".*.new"):
            if time.time() - _modified(path) > STALE_SECONDS:
                path.unlink(missing_ok=True)
        small = [(shard, rows) for shard, rows in self._sizes() if rows <= MERGED_ROWS // 2]
        if len(small) < MERGE_FROM:
            return
        group: list[Path] = []
        total = 0
        for shard, rows in small:
            if total + rows > MERGED_ROWS:
                self._merge(group)
                group, total = [], 0
            group.append(shard)
            total += rows
        self._merge(group)

    def _merge(self, group: list[Path]) -> None:
        if len(group) < 2:
            return
        try:
            whole = pa.concat_tables([pq.read_table(shard, partitioning=None) for shard in group])
            _, first = np.unique(keys_of(whole), return_index=True)
        except _DAMAGE:
            return  # another run merges them too, or one is damaged; the next reading sees to it
        self.append(whole.take(pa.array(first)))
        for shard in group:  # only now: at no moment is a row in no shard
            shard.unlink(missing_ok=True)

    def _shards(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    def _sizes(self) -> Iterator[tuple[Path, int]]:
        for shard in self._shards():
            try:
                yield shard, pq.read_metadata(shard).num_rows
            except (pa.ArrowException, OSError):  # gone or damaged: left to the next reading
                continue


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()

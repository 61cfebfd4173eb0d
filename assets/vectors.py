"""Vectors that were computed before: the cache on disk, and embedding only what is not in it.

The cache is a folder of Parquet shards that are only ever added, each under a name of its own and complete or absent,
so several runs can write at once and a killed one loses at most its last few seconds.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from assets.code import package_versions
from assets.errors import ModelError
from assets.methods.encoding import RECIPE, EncodedBatch, Encoder
from assets.progress import Advance

SHARD_ROWS = 2_048  # written at least this often …
SHARD_SECONDS = 10.0  # … and at least this often
MERGE_FROM = 16  # small shards that are worth merging
MERGED_ROWS = 16_384
STALE_SECONDS = 3_600.0  # an unfinished file of this age belongs to no living run: a shard takes under a second

Keys = npt.NDArray[np.bytes_]  # BLAKE2b-128 of the texts, dtype S16
Vectors = npt.NDArray[np.float32]


def recipe(model: str, max_tokens: int, device: str) -> str:
    """32 hex digits that name what a cached vector depends on besides its text.

    That is the model's fingerprint, the length at which texts are cut, pooling and normalisation, the releases of the
    packages that compute it, and whether a CPU or a GPU does, for their last bits differ.
    """
    packages = [f"{name}=={package_versions()[name]}" for name in ("tokenizers", "torch", "transformers")]
    parts = "\n".join((model, str(max_tokens), RECIPE, device.split(":")[0], *packages))
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def resolve_device(device: str) -> str:
    """`auto` → `cuda` where there is a usable GPU, else `cpu`; raises `ModelError` when what is asked for is absent.

    Imports torch only on machines that have NVIDIA's driver, so that a run that embeds nothing stays fast.
    """
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not number.isdecimal()) or (number and kind != "cuda"):
        raise ModelError(f"embeddings.device: '{device}' is not one of auto, cpu, cuda and cuda:N")
    if kind == "cpu":
        return "cpu"
    gpus = _gpu_count()
    if kind == "auto":
        return "cuda" if gpus else "cpu"
    if int(number or 0) >= gpus:
        raise ModelError(f"embeddings.device: '{device}' was asked for, but torch sees {gpus} GPUs; use auto or cpu")
    return device


def _gpu_count() -> int:
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return 0
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def text_keys(texts: Sequence[str]) -> Keys:
    """The cache key of each text: BLAKE2b-128 of its UTF-8."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts)
    return np.frombuffer(digests, "S16")


@dataclass(frozen=True)
class Entries:
    """Some rows of the cache."""

    keys: Keys  # (k,)
    vectors: Vectors  # (k, d)
    tokens: npt.NDArray[np.int32]  # (k,) before any cut
    cut: npt.NDArray[np.bool_]  # (k,)


class VectorCache:
    """The vectors of one recipe, in `folder/<key>/`. `discarded` counts the damaged shards that were removed."""

    def __init__(self, folder: Path, key: str) -> None:
        """Name the cache; nothing is touched until it is read or written."""
        self.folder = folder / key
        self.discarded = 0

    def entries(self) -> Iterator[Entries]:
        """All that is in the cache, shard by shard. A key may come twice, with the same vector.

        A shard that cannot be read, as a full disk or a power cut may leave one, is removed and counted: its texts
        are embedded again. Memory: one shard.
        """
        for shard in self._shards():
            try:
                # partitioning=None: a folder called a=b above the cache is not a column.
                table = pq.read_table(shard, partitioning=None, page_checksum_verification=True)
                found = _from_table(table)
            except FileNotFoundError:  # merged by another run since it was listed
                continue
            except (pa.ArrowException, OSError, KeyError):
                shard.unlink(missing_ok=True)
                self.discarded += 1
                continue
            yield found

    def append(self, entries: Entries) -> None:
        """Add rows as a shard of their own: whole, or, if the run is killed meanwhile, not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex
        temporary = self.folder / f".{name}.new"
        pq.write_table(_to_table(entries), temporary, use_dictionary=False, write_page_checksum=True)
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
            parts = [_from_table(pq.read_table(shard, partitioning=None)) for shard in group]
        except (pa.ArrowException, OSError, KeyError):
            return  # another run merges them too, or one is damaged; the next reading sees to it
        keys, first = np.unique(np.concatenate([p.keys for p in parts]), return_index=True)
        self.append(
            Entries(
                keys,
                np.concatenate([p.vectors for p in parts])[first],
                np.concatenate([p.tokens for p in parts])[first],
                np.concatenate([p.cut for p in parts])[first],
            )
        )
        for shard in group:  # only now: at no moment is a vector in no shard
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


def _to_table(entries: Entries) -> pa.Table:
    dimensions = entries.vectors.shape[1]
    vector = pa.list_(pa.field("item", pa.float32(), nullable=False), dimensions)
    flat = pa.array(np.ascontiguousarray(entries.vectors).reshape(-1))
    keys = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(entries.keys), [None, pa.py_buffer(np.ascontiguousarray(entries.keys))]
    )
    return pa.table(
        {
            "key": keys,
            "vector": pa.FixedSizeListArray.from_arrays(flat, type=vector),
            "tokens": pa.array(entries.tokens, pa.int32()),
            "cut": pa.array(entries.cut, pa.bool_()),
        }
    )


def _from_table(table: pa.Table) -> Entries:
    keys = b"".join(table.column("key").cast(pa.binary()).to_pylist())
    array = table.column("vector").combine_chunks()
    return Entries(
        np.frombuffer(keys, "S16"),
        array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), array.type.list_size),
        table.column("tokens").to_numpy(),
        table.column("cut").to_numpy(),
    )


@dataclass(frozen=True)
class Embedded:
    """The vectors of n texts, in their order, and what it took."""

    vectors: Vectors  # (n, d), unit length
    tokens: npt.NDArray[np.int32]  # (n,) tokens of the whole text, before any cut
    cached: int  # texts whose vector was in the cache
    computed: int  # different texts that went through the model
    repeated: int  # texts equal to one that went through the model: cached + computed + repeated = n
    cut: int  # texts whose end was left out
    discarded: int  # damaged shards of the cache that were removed


def embed(
    texts: Sequence[str],
    cache: VectorCache,
    load_encoder: Callable[[], Encoder],
    batch_tokens: int,
    advance: Advance,
) -> Embedded:
    """The vectors of all `texts`, from the cache where it has them; what is new is computed once and kept.

    The encoder is loaded only if something is missing. `advance` gets texts as they are done, n in all. Raises
    `ModelError` when a text has no vector; what was computed until then is kept.
    Cost: one pass of the model over the new texts. Memory: the n×d result and one shard.
    """
    rows = _Rows(text_keys(texts))
    for entries in cache.entries():
        advance(rows.fill(entries))
    missing = rows.missing()
    cached = len(texts) - int(rows.counts[missing].sum())
    if len(missing):
        _compute(texts, rows, missing, cache, load_encoder(), batch_tokens, advance)
        cache.tidy()
    repeated = len(texts) - cached - len(missing)
    cut = int(rows.cut.sum())
    return Embedded(rows.result(), rows.tokens, cached, len(missing), repeated, cut, cache.discarded)


class _Rows:
    """The n rows of the result, filled by key; equal texts share a key."""

    def __init__(self, keys: Keys) -> None:
        self.keys, self.first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        self.counts = np.bincount(inverse, minlength=len(self.keys))
        self._members = np.argsort(inverse, kind="stable")  # rows of key 0, then those of key 1, …
        self._starts = np.cumsum(self.counts) - self.counts
        self._known = np.zeros(len(self.keys), bool)
        self._vectors: Vectors | None = None
        self.tokens = np.zeros(len(keys), np.int32)
        self.cut = np.zeros(len(keys), bool)

    def fill(self, entries: Entries) -> int:
        """Take what is wanted and not known yet; return the number of rows filled."""
        if not len(entries.keys) or not len(self.keys):
            return 0
        at = np.minimum(np.searchsorted(self.keys, entries.keys), len(self.keys) - 1)
        wanted = (self.keys[at] == entries.keys) & ~self._known[at]
        _, once = np.unique(at[wanted], return_index=True)  # a shard may hold a key twice
        source = np.flatnonzero(wanted)[once]
        self._known[at[source]] = True
        rows, repeats = self._rows_of(at[source])
        source = np.repeat(source, repeats)
        if self._vectors is None:
            self._vectors = np.empty((len(self.tokens), entries.vectors.shape[1]), np.float32)
        self._vectors[rows] = entries.vectors[source]
        self.tokens[rows] = entries.tokens[source]
        self.cut[rows] = entries.cut[source]
        return len(rows)

    def _rows_of(self, keys: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        repeats = self.counts[keys]
        within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        return self._members[np.repeat(self._starts[keys], repeats) + within], repeats

    def missing(self) -> npt.NDArray[np.int64]:
        """The keys without a vector, in the order of their first text."""
        keys = np.flatnonzero(~self._known)
        return keys[np.argsort(self.first[keys], kind="stable")]

    def result(self) -> Vectors:
        return np.empty((0, 0), np.float32) if self._vectors is None else self._vectors


def _compute(
    texts: Sequence[str],
    rows: _Rows,
    missing: npt.NDArray[np.int64],
    cache: VectorCache,
    encoder: Encoder,
    batch_tokens: int,
    advance: Advance,
) -> None:
    new_texts = [texts[i] for i in rows.first[missing]]
    new_keys = rows.keys[missing]
    failures: dict[int, str] = {}
    pending: list[Entries] = []
    written = time.monotonic()
    try:
        for batch in encoder.encode(new_texts, batch_tokens):
            failures.update(batch.failures)
            pending.append(_sound(batch, new_keys))
            advance(rows.fill(pending[-1]))
            if sum(len(e.keys) for e in pending) >= SHARD_ROWS or time.monotonic() - written >= SHARD_SECONDS:
                _flush(pending, cache)
                written = time.monotonic()
    finally:  # also when interrupted: what is done need not be done again
        _flush(pending, cache)
    if failures:
        first = min(failures)
        raise ModelError(
            f"{len(failures):,} of {len(new_texts):,} new texts have no vector; the first is text "
            f"{int(rows.first[missing[first]]) + 1:,} of {len(texts):,}: {failures[first]}"
        )


def _sound(batch: EncodedBatch, keys: Keys) -> Entries:
    sound = np.array([int(i) not in batch.failures for i in batch.indices], bool)
    return Entries(keys[batch.indices[sound]], batch.vectors[sound], batch.tokens[sound], batch.cut[sound])


def _flush(pending: list[Entries], cache: VectorCache) -> None:
    filled = [entries for entries in pending if len(entries.keys)]
    pending.clear()
    if filled:
        cache.append(
            Entries(
                np.concatenate([e.keys for e in filled]),
                np.concatenate([e.vectors for e in filled]),
                np.concatenate([e.tokens for e in filled]),
                np.concatenate([e.cut for e in filled]),
            )
        )

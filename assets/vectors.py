"""Vectors that were computed before: the cache on disk, and embedding only what is not in it.

The cache is one of `keyed_shards.py`: a killed run loses at most its last few seconds.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.code import package_versions
from assets.errors import ModelError
from assets.keyed_shards import KeyedShards, Keys, Wanted, key_array, keys_of, text_keys
from assets.methods.encoding import RECIPE, EncodedBatch, Encoder
from assets.progress import Advance

SHARD_ROWS = 2_048  # written at least this often …
SHARD_SECONDS = 10.0  # … and at least this often

Vectors = npt.NDArray[np.float32]


def recipe(model: str, max_tokens: int, device: str, quantize: str = "none") -> str:
    """32 hex digits that name what a cached vector depends on besides its text.

    That is the model's fingerprint and precision, the length at which texts are cut, pooling and normalisation, the
    releases of the packages that compute it, and whether a CPU or a GPU does, for their last bits differ.
    """
    packages = [f"{name}=={package_versions()[name]}" for name in ("tokenizers", "torch", "transformers")]
    precision = [] if quantize == "none" else [quantize]
    parts = "\n".join((model, str(max_tokens), RECIPE, device.split(":")[0], *packages, *precision))
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def resolve_device(device: str, setting: str = "embeddings.device") -> str:
    """`auto` → `cuda` where there is a usable GPU, else `cpu`; raises `ModelError` when what is asked for is absent.

    Imports torch only on machines that have NVIDIA's driver, so that a run that embeds nothing stays fast.
    """
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not number.isdecimal()) or (number and kind != "cuda"):
        raise ModelError(f"{setting}: '{device}' is not one of auto, cpu, cuda and cuda:N")
    if kind == "cpu":
        return "cpu"
    gpus = _gpu_count()
    if kind == "auto":
        return "cuda" if gpus else "cpu"
    if int(number or 0) >= gpus:
        raise ModelError(f"{setting}: '{device}' was asked for, but torch sees {gpus} GPUs; use auto or cpu")
    return device


def _gpu_count() -> int:
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return 0
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


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
        self._shards = KeyedShards(folder / key)

    @property
    def discarded(self) -> int:
        """The damaged shards that were removed."""
        return self._shards.discarded

    def entries(self) -> Iterator[Entries]:
        """All that is in the cache, shard by shard. A key may come twice, with the same vector."""
        return self._shards.read(_from_table)

    def append(self, entries: Entries) -> None:
        """Add rows as a shard of their own: whole, or, if the run is killed meanwhile, not at all."""
        self._shards.append(_to_table(entries))

    def tidy(self) -> None:
        """Merge small shards once there are many, and remove what killed runs left unfinished."""
        self._shards.tidy()


def _to_table(entries: Entries) -> pa.Table:
    dimensions = entries.vectors.shape[1]
    vector = pa.list_(pa.field("item", pa.float32(), nullable=False), dimensions)
    flat = pa.array(np.ascontiguousarray(entries.vectors).reshape(-1))
    return pa.table(
        {
            "key": key_array(entries.keys),
            "vector": pa.FixedSizeListArray.from_arrays(flat, type=vector),
            "tokens": pa.array(entries.tokens, pa.int32()),
            "cut": pa.array(entries.cut, pa.bool_()),
        }
    )


def _from_table(table: pa.Table) -> Entries:
    array = table.column("vector").combine_chunks()
    return Entries(
        keys_of(table),
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
    missing = rows.wanted.missing()
    cached = len(texts) - int(rows.wanted.counts[missing].sum())
    if len(missing):
        _compute(texts, rows, missing, cache, load_encoder(), batch_tokens, advance)
        cache.tidy()
    repeated = len(texts) - cached - len(missing)
    cut = int(rows.cut.sum())
    return Embedded(rows.result(), rows.tokens, cached, len(missing), repeated, cut, cache.discarded)


class _Rows:
    """The n rows of the result, filled by key."""

    def __init__(self, keys: Keys) -> None:
        self.wanted = Wanted(keys)
        counts = self.wanted.counts
        self._members = np.argsort(self.wanted.inverse, kind="stable")  # rows of key 0, then those of key 1, …
        self._starts = np.cumsum(counts) - counts
        self._vectors: Vectors | None = None
        self.tokens = np.zeros(len(keys), np.int32)
        self.cut = np.zeros(len(keys), bool)

    def fill(self, entries: Entries) -> int:
        """Take what is wanted and not known yet; return the number of rows filled."""
        source, found = self.wanted.match(entries.keys)
        if not len(source):
            return 0
        rows, repeats = self._rows_of(found)
        source = np.repeat(source, repeats)
        if self._vectors is None:
            self._vectors = np.empty((len(self.tokens), entries.vectors.shape[1]), np.float32)
        self._vectors[rows] = entries.vectors[source]
        self.tokens[rows] = entries.tokens[source]
        self.cut[rows] = entries.cut[source]
        return len(rows)

    def _rows_of(self, keys: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        repeats = self.wanted.counts[keys]
        within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        return self._members[np.repeat(self._starts[keys], repeats) + within], repeats

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
    new_texts = [texts[i] for i in rows.wanted.first[missing]]
    new_keys = rows.wanted.keys[missing]
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
            f"{int(rows.wanted.first[missing[first]]) + 1:,} of {len(texts):,}: {failures[first]}"
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

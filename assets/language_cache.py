"""Scores by a language model that were computed before, and computing only what is missing, shard by shard.

Which rows are asked about, and what is said of the result, belongs to `language_scores.py`; what a model is asked to
`methods/language`.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from assets import models, vectors
from assets.code import package_versions
from assets.errors import ModelError
from assets.keyed_shards import KeyedShards, Keys, Wanted, key_array, keys_of, text_keys
from assets.methods import int8, loading
from assets.methods.language.scores import SCHEMA
from assets.progress import Progress
from assets.uncertainty_params import SELF, LanguageModel
from assets.workspace import Workspace

SETTING = "uncertainty_scores.language_model"
SHARD_ROWS = 512  # written at least this often …
SHARD_SECONDS = 10.0  # … and at least this often
KEPT = 4  # caches of models that were trained here: two of each pool

Conversation = Sequence[Mapping[str, str]]
_KEYED = SCHEMA.insert(0, pa.field("key", pa.binary(16)))


@dataclass(frozen=True)
class Judge:
    """A model that scores, and which of the conversations it may score: (k,) positions."""

    located: models.LocatedModel
    fingerprint: str
    rows: npt.NDArray[np.int64]

    def among(self, chosen: npt.NDArray[np.bool_]) -> Judge:
        """The same model for those of its rows that are `chosen` (n,), counted among the chosen ones alone."""
        within = np.cumsum(chosen) - 1
        return replace(self, rows=within[self.rows[chosen[self.rows]]])


@dataclass(frozen=True)
class Scored:
    """What came of n conversations: `table` (n rows of SCHEMA, in their order), and what it took."""

    table: pa.Table
    fingerprint: str
    family: str
    cached: int
    computed: int
    discarded: int


def score(
    workspace: Workspace,
    settings: LanguageModel,
    progress: Progress,
    conversations: Sequence[Conversation],
    asked: Sequence[Judge],
) -> Scored:
    """The scores of all `conversations`; what is new is computed and kept, shard by shard. Raises `ModelError`."""
    tables: list[pa.Table] = []
    places: list[npt.NDArray[np.int64]] = []
    cached = computed = discarded = 0
    with progress.task("scoring with a language model", len(conversations)) as advance:
        for judge in asked:
            keys = text_keys([text_of(conversations[row]) for row in judge.rows.tolist()])
            cache = KeyedShards(_folder(workspace, settings, judge))
            found = _Found(keys)
            for table in cache.read(_checked):
                advance(found.take(table))
            known = found.rows
            if len(missing := found.missing()):
                wanted = [conversations[row] for row in judge.rows[missing].tolist()]
                with closing(_compute(judge, settings, wanted, keys[missing], cache)) as parts:
                    for table in parts:
                        advance(found.take(table))
                cache.tidy()
            tables.append(found.result())
            places.append(judge.rows)
            cached, computed, discarded = cached + known, computed + len(missing), discarded + cache.discarded
    order = np.argsort(np.concatenate(places), kind="stable")
    whole = pa.concat_tables(tables).combine_chunks().take(pa.array(order))
    digest = hashlib.blake2b("".join(judge.fingerprint for judge in asked).encode(), digest_size=16).hexdigest()
    fingerprint = asked[0].fingerprint if len(asked) == 1 else digest
    return Scored(whole, fingerprint, _family(asked[0]), cached, computed, discarded)


def forget_old(workspace: Workspace) -> None:
    """Remove the scores of models that were trained here for earlier pools, but for the newest few."""
    folder = workspace.home / "language_scores" / SELF
    newest = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def resolved_device(settings: LanguageModel) -> str:
    """The device that scores; raises `ModelError` for one that is absent, or that int8 is not made for."""
    device = vectors.resolve_device(settings.device, f"{SETTING}.device")
    if settings.quantize == "int8" and device != "cpu":
        raise ModelError(f"{SETTING}.quantize: int8 is for the CPU; set device: cpu, or quantize: none")
    return device


def _family(judge: Judge) -> str:
    from assets.methods.language.models import family_of

    with _named():
        return family_of(judge.located.folder)


@contextmanager
def _named() -> Iterator[None]:
    """What is said of a model inside says which setting named it."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{SETTING}.model: {error}") from None


def _folder(workspace: Workspace, settings: LanguageModel, judge: Judge) -> Path:
    """Where the scores of a recipe are kept: of the model, and all else that decides a bit of them."""
    from assets.methods.language.scoring import RECIPE

    device = resolved_device(settings).split(":")[0]
    packages = [f"{name}=={package_versions()[name]}" for name in ("tokenizers", "torch", "transformers")]
    # On a CPU the shapes of passes do not depend on batch_tokens.
    batch = "" if device == "cpu" else str(settings.batch_tokens)
    parts = (judge.fingerprint, RECIPE, str(settings.max_tokens), settings.template, settings.dtype, settings.quantize)
    recipe = hashlib.blake2b("\n".join((*parts, device, batch, *packages)).encode(), digest_size=16).hexdigest()
    folder = workspace.home / "language_scores"
    return (folder / SELF if settings.model == SELF else folder) / recipe


def text_of(conversation: Conversation) -> str:
    return orjson.dumps([[turn["role"], turn["content"]] for turn in conversation]).decode()


def _checked(table: pa.Table) -> pa.Table:
    return table.select(_KEYED.names).cast(_KEYED)


def _compute(
    judge: Judge, settings: LanguageModel, conversations: list[Conversation], keys: Keys, cache: KeyedShards
) -> Generator[pa.Table]:
    """The scores of these conversations as they are done; kept in shards meanwhile, also when interrupted."""
    from assets.methods.language.models import load
    from assets.methods.language.scoring import score as score_all

    device = resolved_device(settings)
    with _named():
        model = load(
            judge.located.folder,
            max_tokens=settings.max_tokens,
            device=device,
            dtype=settings.dtype,
            template=settings.template,
            prepare=int8.quantize if settings.quantize == "int8" else None,
        )
    pending: list[pa.Table] = []
    written = time.monotonic()
    try:
        with loading.quiet():  # some models say with their first pass which of their packages for GPUs are absent
            for positions, table in score_all(model, conversations, settings.batch_tokens):
                keyed = table.add_column(0, _KEYED.field("key"), key_array(keys[positions])).cast(_KEYED)
                pending.append(keyed)
                yield keyed
                late = time.monotonic() - written >= SHARD_SECONDS
                if late or sum(part.num_rows for part in pending) >= SHARD_ROWS:
                    _flush(pending, cache)
                    written = time.monotonic()
    finally:
        _flush(pending, cache)


def _flush(pending: list[pa.Table], cache: KeyedShards) -> None:
    if pending:
        cache.append(pa.concat_tables(pending).combine_chunks())
        pending.clear()


class _Found:
    """The rows that were asked for, as they are found."""

    def __init__(self, keys: Keys) -> None:
        self._wanted = Wanted(keys)
        self._place = np.full(len(self._wanted.keys), -1)  # in the tables taken, one after the other
        self._taken: list[pa.Table] = [_KEYED.empty_table()]
        self._length = 0

    @property
    def rows(self) -> int:
        """The rows that are filled."""
        return int(self._wanted.counts[self._place >= 0].sum())

    def take(self, table: pa.Table) -> int:
        """Take what is wanted and not known yet; return the number of rows filled."""
        source, found = self._wanted.match(keys_of(table))
        self._place[found] = self._length + np.arange(len(source))
        self._taken.append(table.take(pa.array(source)))
        self._length += len(source)
        return int(self._wanted.counts[found].sum())

    def missing(self) -> npt.NDArray[np.int64]:
        """The first row of each key that is not filled, in their order."""
        return self._wanted.first[self._wanted.missing()]

    def result(self) -> pa.Table:
        """All rows, in the order of the keys that were given."""
        whole = pa.concat_tables(self._taken).combine_chunks()
        return whole.take(pa.array(self._place[self._wanted.inverse])).drop_columns(["key"])

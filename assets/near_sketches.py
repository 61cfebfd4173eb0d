"""The sketches of near duplicates: made of the sound rows batch by batch, kept on disk, and the index over them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets import engine
from assets.dedup_params import Near
from assets.methods.conversations import Conversations
from assets.methods.dedup.greedy import KeptIndex, Rows
from assets.methods.dedup.near import NearIndex
from assets.methods.dedup.partial import PartialIndex, shared_bands
from assets.methods.dedup.shingles import Shingles
from assets.methods.dedup.sketches import Likeness, Sketches, sketch
from assets.methods.tokens import Tokens
from assets.progress import Advance, Progress
from assets.sound_rows import SoundRows
from assets.spill import Spill, give_back

NEEDED = ("messages", "label", "format", "extras")
GIVE_BACK_ROWS = 4_096  # each of which may look at hundreds of others, all over the file

_SKETCH = pa.schema(
    [
        pa.field("bands", pa.list_(pa.uint32())),
        pa.field("shingles", pa.list_(pa.uint64())),
        pa.field("answers", pa.list_(pa.uint64())),
    ]
)


def draw(
    sound: SoundRows, elsewhere: pa.Table, settings: Near, seed: int, progress: Progress, scratch: Path
) -> Sketches:
    """The sketches of all rows, on disk: they are several times as large as all else that is kept of a row."""
    likeness = _likeness(settings, seed)
    bands = Spill(scratch / "bands", np.uint32, likeness.banding.bands)
    shingles, answers = _SpilledShingles(scratch / "shingles"), _SpilledShingles(scratch / "answers")
    with progress.task("sketching", len(sound)) as advance:
        for part in _drawn(sound, elsewhere, likeness, settings):
            bands.append(_flat(part, "bands")[0])
            shingles.append(*_flat(part, "shingles"))
            answers.append(*_flat(part, "answers"))
            advance(part.num_rows)
    return Sketches(bands.close(), shingles.close(), None if settings.answers is None else answers.close())


def _drawn(sound: SoundRows, elsewhere: pa.Table, likeness: Likeness, settings: Near) -> Iterator[pa.Table]:
    def drawn(batch: pa.Table) -> pa.Table:
        records = Conversations.of(batch)
        tokens, turns = records.tokens, records.answer_turns
        texts = tokens.joined(records.offsets) if settings.of == "conversation" else Tokens.of(records.prompts)
        answers = None if settings.answers is None else tokens.between(np.maximum(turns, 0), turns + 1)
        found = sketch(texts, likeness, answers)
        ends = pa.array(np.arange(len(records) + 1, dtype=np.int32) * found.bands.shape[1])
        columns = [pa.ListArray.from_arrays(ends, pa.array(found.bands.reshape(-1)))]
        for shingles in (found.shingles, found.answers):
            if shingles is None:
                columns.append(pa.nulls(len(records), _SKETCH.field("answers").type))
            else:
                offsets = pa.array(shingles.offsets.astype(np.int32))
                columns.append(pa.ListArray.from_arrays(offsets, pa.array(shingles.values)))
        return pa.table(columns, schema=_SKETCH)

    yield from engine.map_rows(sound.folder, NEEDED, drawn, _SKETCH)
    if elsewhere.num_rows:
        yield drawn(elsewhere.select(NEEDED))


def _likeness(settings: Near, seed: int) -> Likeness:
    return Likeness(settings.threshold, settings.words, settings.characters, settings.permutations, seed)


def giving_back(sketches: Sketches | None, advance: Advance) -> Advance:
    """`advance`, which also lets go, now and then, of what was read of the sketches."""
    if sketches is None:
        return advance
    parts: list[npt.NDArray[Any]] = [sketches.bands, sketches.shingles.values]
    parts += [] if sketches.answers is None else [sketches.answers.values]
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        advance(rows)
        done += rows
        if done >= GIVE_BACK_ROWS:
            done = 0
            for part in parts:
                give_back(part)

    return step


def _flat(part: pa.Table, name: str) -> tuple[npt.NDArray[Any], Rows]:
    """The numbers of a column of lists, and how many are in each."""
    column = part.column(name).combine_chunks()
    sizes = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return column.flatten().to_numpy(), sizes.astype(np.int64)


class _SpilledShingles:
    """Shingles that grow on disk; in memory there are 8 bytes a row."""

    def __init__(self, path: Path) -> None:
        self._values = Spill(path, np.uint64)
        self._sizes: list[Rows] = []

    def append(self, values: npt.NDArray[np.uint64], sizes: Rows) -> None:
        self._values.append(values)
        self._sizes.append(sizes)

    def close(self) -> Shingles:
        ends = np.concatenate([[0], *self._sizes])
        return Shingles(self._values.close(), np.cumsum(ends, dtype=np.int64))


def index_of(
    sketches: Sketches, groups: npt.NDArray[np.int32], settings: Near, sound: SoundRows, elsewhere: pa.Table
) -> KeptIndex:
    """The index of near duplicates, of those rows alone that agree with any other in a band."""
    shared = shared_bands(sketches.bands)
    asked = np.asarray(shared[: len(groups)].any(axis=1), dtype=np.bool_)
    give_back(sketches.bands)
    texts = None if settings.edit_similarity is None else _texts(sound, elsewhere, asked, settings.of)
    inner = NearIndex(
        sketches,
        settings.threshold,
        groups,
        settings.answers or 0.0,
        int(asked.sum()),
        shared,
        texts,
        settings.edit_similarity,
    )
    return PartialIndex(inner, asked)


def _texts(sound: SoundRows, elsewhere: pa.Table, asked: npt.NDArray[np.bool_], of: str) -> pa.ChunkedArray:
    """The texts whose edit distance may be asked for, null for the other rows. Memory: those texts."""
    found = []
    for start, part in chain(sound.batches(NEEDED), [(len(sound), elsewhere.select(NEEDED))]):
        records = Conversations.of(part)
        texts = records.texts() if of == "conversation" else records.prompts
        inside = pa.array(asked[start : start + part.num_rows])
        found.append(pc.if_else(inside, texts, pa.scalar(None, pa.string())))
    return pa.chunked_array(found, pa.string())

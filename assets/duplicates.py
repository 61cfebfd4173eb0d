"""Duplicates among the sound rows, and of rows that stand elsewhere already: which go, for which, and how alike.

Rows are numbered: those of the pool from 0, those of other files and versions behind them. The latter stay whatever
happens.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets import near_sketches
from assets.dedup_params import RANKS, Dedup
from assets.entries import Said, where
from assets.errors import DataError
from assets.methods.conversations import Conversations
from assets.methods.dedup import greedy, ranking, residual, sign_lsh
from assets.methods.dedup.exact import ExactIndex
from assets.methods.dedup.greedy import Duplicates, KeptIndex, Rows
from assets.methods.dedup.sketches import Sketches
from assets.progress import Progress
from assets.sound_rows import SoundRows
from assets.tables import escape

BLOCK_ROWS = 4_096
MOST_LEFT = 0.001  # share of the semantic duplicates that may be left, beyond which they are looked for again
_FOLDED = {"whitespace": "white space", "case": "case", "punctuation": "punctuation"}


@dataclass(frozen=True)
class Elsewhere:
    """The rows of other files and versions, as the steps left them: m of them, of which all stay."""

    rows: pa.Table
    keys: npt.NDArray[np.uint8]  # (m, 16)

    def __len__(self) -> int:
        return int(self.rows.num_rows)


@dataclass(frozen=True)
class Outcome:
    """What became of the n rows of the pool, and what there is to say about how it was found."""

    duplicates: Duplicates
    kinds: tuple[str, ...]  # the name of each index
    facts: dict[str, Any] = field(default_factory=dict)


def find(
    sound: SoundRows,
    candidates: npt.NDArray[np.bool_],
    elsewhere: Elsewhere,
    settings: Dedup,
    vectors: npt.NDArray[np.float32] | None,
    seed: int,
    progress: Progress,
    scratch: Path,
) -> Outcome:
    """Which of the `candidates` (n,) repeat another row that stays; the other rows are not looked at.

    `vectors`: (n + m, d) of unit length, where duplicates in meaning are asked for. Rows that are the same record to
    the last character are duplicates even where none are asked for: an id stands for one row.
    """
    order = _best_first(sound, settings)
    order = order[candidates[order]]
    sketches = (
        near_sketches.draw(sound, elsewhere.rows, settings.near, seed, progress, scratch) if settings.near else None
    )
    rows = _Rows(sound, elsewhere, settings, sketches, vectors, seed)
    there = _against(order, rows, progress)
    order = order[there.kept[order] < 0]
    recall = sign_lsh.RECALL
    while True:
        indexes = rows.indexes(len(sound), settings.across_labels, recall)
        with progress.task("comparing", len(order)) as advance:
            found = greedy.keep_best(order, indexes, len(sound), near_sketches.giving_back(sketches, advance))
        kinds = tuple(index.name for index in indexes)
        left = _left(indexes[-1], found, kinds, candidates & (there.kept < 0), seed)
        if left is None or left.share <= MOST_LEFT or recall > 1 - 1e-6:
            return Outcome(_joined(there, found), kinds, _facts(left))
        recall = 1 - (1 - recall) / 10  # more tables, and all over again: no row may go for one that does not stay


@dataclass(frozen=True)
class _Rows:
    """What is known of the rows of the pool, and of those elsewhere behind them."""

    sound: SoundRows
    elsewhere: Elsewhere
    settings: Dedup
    sketches: Sketches | None
    vectors: npt.NDArray[np.float32] | None
    seed: int

    def indexes(self, rows: int, across_labels: bool, recall: float) -> list[KeptIndex]:
        """An index of each kind over the first `rows` rows, empty yet; rows elsewhere have no labels to tell apart."""
        settings = self.settings
        keys = np.concatenate([self.sound.keys, self.elsewhere.keys])[:rows]
        groups = np.zeros(rows, np.int32) if across_labels else self.sound.labels
        # Where no exact duplicates are looked for, only the same record is one, and its label is a part of it.
        same = groups if settings.exact is not None or rows > len(self.sound) else self.sound.labels
        found: list[KeptIndex] = [ExactIndex(_grouped(keys, same).view("S16").reshape(-1))]
        if settings.near is not None and self.sketches is not None:
            found.append(near_sketches.index_of(self.sketches, groups, settings.near, self.sound, self.elsewhere.rows))
        if settings.semantic is not None and self.vectors is not None:
            bound, exact_up_to = settings.semantic.threshold, settings.semantic.exact_up_to
            found.append(sign_lsh.index_for(self.vectors[:rows], bound, groups, self.seed, exact_up_to, recall))
        return found


def _grouped(keys: npt.NDArray[np.uint8], groups: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """(n, 16) keys that are equal only within a group."""
    first, which = np.unique(groups, return_inverse=True)
    digests = [hashlib.blake2b(str(group).encode(), digest_size=16).digest() for group in first.tolist()]
    salts = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)
    return keys ^ salts[which] if len(keys) else keys


def _against(order: Rows, rows: _Rows, progress: Progress) -> Duplicates:
    """Which rows repeat one elsewhere, whatever the labels are: many a file to compare with has none."""
    n, total = len(rows.sound), len(rows.sound) + len(rows.elsewhere)
    found = Duplicates(np.full(n, -1, np.int64), np.full(n, -1, np.int8), np.zeros(n))
    if total == n:
        return found
    with progress.task("comparing with other files", len(order)) as advance:
        for number, index in enumerate(rows.indexes(total, True, sign_lsh.RECALL)):
            index.add(np.arange(n, total))
            for start in range(0, len(order), BLOCK_ROWS):
                block = order[start : start + BLOCK_ROWS]
                block = block[found.kept[block] < 0]
                matches = index.find(block)
                hit = matches.kept >= 0
                found.kept[block[hit]], found.index[block[hit]] = matches.kept[hit], number
                found.similarity[block[hit]] = matches.similarity[hit]
        advance(len(order))
    return found


def _joined(there: Duplicates, here: Duplicates) -> Duplicates:
    """What rows went for, elsewhere or here."""
    outside = there.kept >= 0
    return Duplicates(
        np.where(outside, there.kept, here.kept),
        np.where(outside, there.index, here.index).astype(np.int8),
        np.where(outside, there.similarity, here.similarity),
    )


def _left(
    index: KeptIndex, found: Duplicates, kinds: tuple[str, ...], candidates: npt.NDArray[np.bool_], seed: int
) -> residual.Residual | None:
    """How many semantic duplicates are left, if the index that looked for them may have missed any."""
    if not isinstance(index, sign_lsh.SignIndex):
        return None
    stays = np.flatnonzero(candidates & (found.kept < 0))
    gone = np.count_nonzero(found.index == kinds.index(index.name))
    return residual.estimate(index.exact, stays, int(gone), seed)


def _facts(left: residual.Residual | None) -> dict[str, Any]:
    if left is None:
        return {}
    return {
        "semantic duplicates left (estimated share)": left.share,
        "semantic duplicates left (upper bound, 95 %)": left.upper,
    }


def explain(outcome: Outcome, rows: Rows, elsewhere: Elsewhere, settings: Dedup) -> Said:
    """What the ledger says of rows that repeat another."""
    found = outcome.duplicates
    first = len(found.kept)
    kinds = [outcome.kinds[index] for index in found.index[rows].tolist()]
    outside = found.kept[rows] >= first
    there = elsewhere.rows.take(pa.array(np.maximum(found.kept[rows] - first, 0)[outside]))
    names = iter(where(there.column("file"), there.column("item"), Conversations.of(there).texts().to_pylist()))
    hits = [next(names) if is_outside else None for is_outside in outside.tolist()]
    both = list(zip(kinds, hits, strict=True))
    similarity = found.similarity[rows].tolist()
    folded = settings.exact.fold if settings.exact else ()
    said = {
        "exact": f"the same but for {' and '.join(_FOLDED[name] for name in folded)}" if folded else "the same",
        "near": "nearly the same words",
        "semantic": "nearly the same meaning",
    }
    bounds = {
        "exact": "once",
        "near": f"a Jaccard similarity below {settings.near.threshold:g}" if settings.near else "",
        "semantic": f"a cosine below {settings.semantic.threshold:g}" if settings.semantic else "",
    }
    return Said(
        ["against" if hit else kind for kind, hit in both],
        ["duplicate" if kind == "exact" else f"{kind}_duplicate" for kind in kinds],
        [f"{said[kind]} as a row {'elsewhere' if hit else 'that stays'}" for kind, hit in both],
        [f"{value:.4g}" for value in similarity],
        [bounds[kind] for kind in kinds],
        hits,
    )


def _best_first(sound: SoundRows, settings: Dedup) -> Rows:
    """The rows, the best ones first, as `rank_by` says; raises `DataError` for an attribute that no row has."""
    numbers = {name: sound.numbers(name) for name in settings.attributes}
    for name, values in numbers.items():
        if len(values) and np.isnan(values).all():
            raise DataError(
                f"cleaned_data.dedup.rank_by: no row has a number in the attribute '{escape(name)}'; expected "
                f"{', '.join(RANKS)} or one of raw_data.sources[].attributes that holds numbers"
            )
    labels = pa.array(sound.labels, mask=sound.labels < 0).cast(pa.string())
    groups = np.unique(sound.keys.view("S16").reshape(-1), return_inverse=True)[1] if settings.across_labels else None
    merits = ranking.Merits(labels, sound.answer_lengths, sound.sources, numbers, groups)
    return ranking.best_first(merits, settings.rank_by)

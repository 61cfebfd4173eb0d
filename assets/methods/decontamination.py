"""Decontamination: which records hold an item of an evaluation set, word for word or in large part.

What belongs here: when a record counts as contaminated. Which files hold the items, and which part of an item is its
question, is for the caller to say.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.errors import DataError
from assets.methods.conversations import Conversations
from assets.methods.diversity import single_thread
from assets.methods.overlap import NgramIndex, wholes
from assets.methods.tokens import Rows, Tokens

EXACT, OVERLAP, SIMILAR = "eval_exact", "eval_overlap", "eval_similar"

# From this many tokens on, an item that is shorter than an n-gram counts as met outside of a question of its own:
# answers and inputs are full of lines such as "Inflation", "New York" and "Who are you?".
LINE_TOKENS = 4

_BLOCK = 1 << 24  # similarities in memory at a time


@dataclass(frozen=True)
class Hits:
    """For each of n records the item that it holds most of (-1: none), how much of it, 0 to 1, and in which way.

    `share`: for n-grams the share of the item's, for vectors the cosine; higher = more contaminated; 0 without an item.
    """

    item: Rows  # (n,)
    share: npt.NDArray[np.float64]  # (n,)
    exact: npt.NDArray[np.bool_]  # (n,) whether the item is the record's question itself


class EvalItems:
    """The questions of m evaluation items, ready to be looked for.

    An item hits a record, by tokens (see `tokens`: neither case nor punctuation counts),

    - exactly, if it is, as a whole, the record's only user turn or, from `LINE_TOKENS` on, one of several or a part of
      the last one (`fields`), and the operators between its numbers are the same: 3 - 4 is not 3 + 4;
    - by overlap, if it has at least `ngram` tokens and at least the share `threshold` of its distinct runs of that many
      tokens stands in the record, in any turns, but no run across two turns;
    - by overlap as well, with the share 1, if it has fewer tokens, but at least `LINE_TOKENS`, and is, as a whole, any
      turn or any line of one.

    Items without tokens hit nothing; they are `without_tokens`. Raises `DataError` for a threshold outside 0 to 1.
    """

    def __init__(self, texts: pa.StringArray, ngram: int = 8, threshold: float = 0.5) -> None:
        if not 0 < threshold <= 1 or ngram < 1:
            raise DataError(
                f"expected an overlap above 0, at most 1, and n-grams of 1 or more, not {threshold}, {ngram}"
            )
        tokens = Tokens.of(texts)
        self._texts = texts
        self.sizes = np.diff(tokens.offsets)
        self.without_tokens: Rows = np.flatnonzero(self.sizes == 0)
        self._ngram = ngram
        # Of items of the same tokens the first stands for all.
        hashes, first = np.unique(wholes(tokens.hashes, tokens.offsets), return_index=True)
        some = self.sizes[first] > 0
        self._wholes, self._whole_items = hashes[some], first[some]
        self._index = NgramIndex.of(tokens, np.sort(first[self.sizes[first] >= ngram]), ngram, threshold)

    def __len__(self) -> int:
        return len(self.sizes)

    def hits(self, records: Conversations) -> Hits:
        """The item that each record holds most of; an exact one before all others, of equals the first.

        Cost: linear in the tokens, plus, for each record and each item with one of its rarer n-grams in common, the
        size of the item. N-grams that many items share cost no more than others.
        """
        if not len(self._wholes):
            return _none(len(records))
        line_texts, lines, turns, line_turns = _lines(records.contents)
        item, share = self._index.most_held(turns, records.offsets)
        # Items that are lines or turns; the short ones count here.
        for texts, segments, owners in (
            (line_texts, lines, records.record_of[line_turns]),
            (records.contents, turns, records.record_of),
        ):
            found = self._find(segments)
            size = self.sizes[found]
            found[(size >= self._ngram) | (size < LINE_TOKENS)] = -1
            self._compare_operators(found, texts)
            self._note(item, share, found, owners, found >= 0)
        users = np.flatnonzero(pc.equal(records.roles, "user").to_numpy(zero_copy_only=False))
        parts, part_owners = _parts(records)
        of_turns, of_parts = self._find(turns.between(users, users + 1)), self._find(Tokens.of(parts))
        of_parts[self.sizes[of_parts] < LINE_TOKENS] = -1
        # In a longer conversation "Why?" and "Yes." are nobody's question.
        several = np.bincount(records.record_of[users], minlength=len(records))[records.record_of[users]] > 1
        of_turns[several & (self.sizes[of_turns] < LINE_TOKENS)] = -1
        self._compare_operators(of_turns, records.contents.take(pa.array(users)))
        self._compare_operators(of_parts, pa.array(parts, pa.string()))
        found, owners = np.concatenate([of_turns, of_parts]), np.concatenate([records.record_of[users], part_owners])
        exact = np.zeros(len(records), dtype=np.bool_)
        exact[owners[found >= 0]] = True
        share[exact] = 0.0  # what is exact goes before what is not
        self._note(item, share, found, owners, found >= 0)
        return Hits(item, share, exact)

    def _find(self, segments: Tokens) -> Rows:
        """For each text the item with the very same tokens, or -1."""
        hashes = wholes(segments.hashes, segments.offsets)
        place = np.minimum(np.searchsorted(self._wholes, hashes), len(self._wholes) - 1)
        same = (self._wholes[place] == hashes) & (np.diff(segments.offsets) > 0)
        return np.where(same, self._whole_items[place], -1)

    def _compare_operators(self, found: Rows, texts: pa.StringArray) -> None:
        """Take back, in `found` (k,), the items that do not calculate what the texts (k,) calculate."""
        for place in np.flatnonzero(found >= 0).tolist():
            if operators(texts[place].as_py()) != operators(self._texts[int(found[place])].as_py()):
                found[place] = -1

    @staticmethod
    def _note(
        item: Rows, share: npt.NDArray[np.float64], found: Rows, owners: Rows, which: npt.NDArray[np.bool_]
    ) -> None:
        """Items that were found whole, unless the owner has one of the same share that comes first."""
        found, owners = found[which], owners[which]
        best = np.full(len(item), np.iinfo(np.int64).max)
        np.minimum.at(best, owners, found)
        better = (best < np.iinfo(np.int64).max) & ((share < 1.0) | (best < item))
        item[better], share[better] = best[better], 1.0


_OPERATOR = re.compile(r"(?<=\d)\s*([-+*/^%<>=\u2212\u00d7\u00f7]+)\s*(?=-?\d)|(?<![\w)])(-)(?=\d)")


def operators(text: str) -> list[str]:
    """The operators between numbers and the signs before them, in their order: what tokens do not tell of a sum."""
    return [first or second for first, second in _OPERATOR.findall(text)]


def similar(vectors: npt.NDArray[np.float32], item_vectors: npt.NDArray[np.float32], threshold: float) -> Hits:
    """The item that each record is most similar to, if their cosine is at least `threshold`; of equals the first.

    Both (n, d) and (m, d) of unit length. Cost: O(n m d), in blocks of 64 MiB of similarities.
    """
    hits = _none(len(vectors))
    if not len(item_vectors):
        return hits
    rows = max(1, _BLOCK // len(item_vectors))
    with single_thread():
        for start in range(0, len(vectors), rows):
            cosines = vectors[start : start + rows] @ item_vectors.T
            nearest = cosines.argmax(axis=1)
            cosine = cosines[np.arange(len(nearest)), nearest].astype(np.float64)
            near = cosine >= threshold
            hits.item[start : start + rows][near] = nearest[near]
            hits.share[start : start + rows][near] = cosine[near]
    return hits


def _none(records: int) -> Hits:
    return Hits(np.full(records, -1, dtype=np.int64), np.zeros(records), np.zeros(records, dtype=np.bool_))


def _lines(contents: pa.StringArray) -> tuple[pa.StringArray, Tokens, Tokens, Rows]:
    """All lines, the tokens of all lines and of all turns, which are the same ones, and the turn of each line."""
    split = pc.split_pattern(contents, "\n")
    counts = pc.list_value_length(split).to_numpy(zero_copy_only=False)
    texts = split.flatten()
    lines = Tokens.of(texts)
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    return texts, lines, lines.joined(offsets), np.repeat(np.arange(len(contents)), counts)


def _parts(records: Conversations) -> tuple[list[str], Rows]:
    """The named parts of the last user turns that are made of several, and the record of each part."""
    fields = pc.map_lookup(records.extras, pa.scalar("fields"), "first")
    parts: list[str] = []
    owners: list[int] = []
    for row in np.flatnonzero(fields.is_valid().to_numpy(zero_copy_only=False)).tolist():
        question = records.questions[row].as_py() or ""
        for start, end in json.loads(fields[row].as_py()).values():
            parts.append(question[start:end])
            owners.append(row)
    return parts, np.array(owners, dtype=np.int64)

"""The sequences that a model is to see, packed one after the other, and which of them are the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.methods.language.tokens import Ids

Offsets = npt.NDArray[np.int64]

WHOLE = -1  # `turns`: the sequence is a conversation, and its marks name the turns
_NOTHING = np.empty(0, np.int32)


@dataclass(frozen=True)
class Sequences:
    """s different sequences, and the m places where they are wanted.

    Sequence i has the tokens `ids[offsets[i] : offsets[i + 1]]`, each with a mark: the number of the response (of those
    in the sequence) that it is scored for, or -1. `sources` likewise: what a sequence-to-sequence model is given.
    `owners`: (m,) the row that wants a sequence; `turns`: (m,) for which of its responses, or WHOLE; both in the order
    of `wanted`, which lists the places of sequence i at `places[i] : places[i + 1]`.
    """

    ids: Ids
    marks: Ids
    offsets: Offsets
    sources: Ids
    source_offsets: Offsets
    owners: Offsets
    turns: Ids
    places: Offsets

    @property
    def lengths(self) -> Offsets:
        """(s,) tokens of each sequence, without its source."""
        return np.diff(self.offsets)

    def of(self, sequence: int) -> tuple[Ids, Ids, Ids]:
        """The tokens of a sequence, their marks, and its source."""
        whole = slice(int(self.offsets[sequence]), int(self.offsets[sequence + 1]))
        source = slice(int(self.source_offsets[sequence]), int(self.source_offsets[sequence + 1]))
        return self.ids[whole], self.marks[whole], self.sources[source]


class Collector:
    """Takes sequences one by one and keeps each but once. Memory: 8 bytes a token, about 200 a sequence."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}
        self._pieces: list[tuple[Ids, Ids, Ids]] = []
        self._packed: list[tuple[Ids, Ids, Ids]] = []
        self._lengths: list[tuple[int, int]] = []
        self._wanted: list[tuple[int, int, int]] = []

    def add(self, row: int, turn: int, ids: Ids, marks: Ids, source: Ids = _NOTHING) -> None:
        """Note that `row` wants this sequence, for its response number `turn` or as a whole."""
        digest = hashlib.blake2b(digest_size=16)
        for part in (np.array([len(ids)], np.int64), ids, marks, source):
            digest.update(part.tobytes())
        number = self._known.setdefault(digest.digest(), len(self._lengths))
        if number == len(self._lengths):
            self._pieces.append((ids.astype(np.int32), marks.astype(np.int32), source.astype(np.int32)))
            self._lengths.append((len(ids), len(source)))
            if len(self._pieces) >= 4096:
                self._pack()
        self._wanted.append((row, turn, number))

    def done(self) -> Sequences:
        """All of them."""
        self._pack()
        ids, marks, sources = _joined(self._packed)
        lengths = np.array(self._lengths, np.int64).reshape(-1, 2)
        offsets = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(lengths, axis=0)])
        wanted = np.array(self._wanted, np.int64).reshape(-1, 3)
        wanted = wanted[np.argsort(wanted[:, 2], kind="stable")]
        places = np.searchsorted(wanted[:, 2], np.arange(len(lengths) + 1))
        turns = wanted[:, 1].astype(np.int32)
        return Sequences(ids, marks, offsets[:, 0], sources, offsets[:, 1], wanted[:, 0], turns, places)

    def _pack(self) -> None:
        """Thousands of small arrays take more memory than what they hold."""
        self._packed.append(_joined(self._pieces))
        self._pieces.clear()


def _joined(pieces: list[tuple[Ids, Ids, Ids]]) -> tuple[Ids, Ids, Ids]:
    ids, marks, sources = (np.concatenate([_NOTHING, *(piece[part] for piece in pieces)]) for part in range(3))
    return ids, marks, sources

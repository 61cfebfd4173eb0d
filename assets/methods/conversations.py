"""Conversations: many records as columns, so that a statistic is a few vectorised passes instead of a loop over rows.

A record's turns lie one behind the other in one array of texts; `offsets` tell where each record begins. Nothing here
knows what a good conversation is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.methods.tokens import Tokens

Rows = npt.NDArray[np.int64]

# Formats whose answer is not prose: tags and the like, of which no statistic of style makes sense.
NOT_PROSE = frozenset({"token-labels"})


@dataclass(frozen=True)
class Conversations:
    """n records of m turns in all."""

    contents: pa.StringArray  # (m,) the texts of all turns
    roles: pa.StringArray  # (m,) system, user, assistant or tool
    offsets: Rows  # (n + 1,) record i has the turns offsets[i] to offsets[i + 1]
    labels: pa.StringArray  # (n,) null: none
    formats: pa.StringArray  # (n,) the format each was read in
    extras: pa.MapArray  # (n,) see methods/formats

    @classmethod
    def of(cls, table: pa.Table) -> Conversations:
        """The rows of a table (or record batch) with the columns messages, label, format and extras."""
        columns = {name: _whole(table.column(name)) for name in ("messages", "label", "format", "extras")}
        messages = columns["messages"]
        turns = messages.flatten()
        lengths = pc.list_value_length(messages).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
        return cls(
            pc.struct_field(turns, "content"),
            pc.struct_field(turns, "role"),
            offsets,
            columns["label"],
            columns["format"],
            columns["extras"],
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def record_of(self) -> Rows:
        """(m,) the record that each turn belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))

    @cached_property
    def is_assistant(self) -> npt.NDArray[np.bool_]:
        """(m,) whether a turn is the assistant's."""
        return np.asarray(pc.equal(self.roles, "assistant").to_numpy(zero_copy_only=False), dtype=bool)

    @cached_property
    def answer_turns(self) -> Rows:
        """(n,) the turn that is the record's answer, its last one if that is the assistant's, else -1."""
        last = self.offsets[1:] - 1
        has_answer = (np.diff(self.offsets) > 0) & self.is_assistant[np.maximum(last, 0)]
        return np.where(has_answer, last, -1)

    @cached_property
    def question_turns(self) -> Rows:
        """(n,) the last user's turn of each record, else -1. It is the one that `extras["fields"]` speaks of."""
        is_user = pc.equal(self.roles, "user").to_numpy(zero_copy_only=False)
        result = np.full(len(self), -1, dtype=np.int64)
        turns = np.flatnonzero(is_user)
        result[self.record_of[turns]] = turns  # the last one stays
        return result

    @cached_property
    def answers(self) -> pa.StringArray:
        """(n,) the text of each record's answer, null where there is none."""
        return _take(self.contents, self.answer_turns)

    @cached_property
    def questions(self) -> pa.StringArray:
        """(n,) the text of each record's last user turn, null where there is none."""
        return _take(self.contents, self.question_turns)

    @cached_property
    def prompts(self) -> pa.StringArray:
        """(n,) all turns but the answer of each record, joined by line ends; null where there are none."""
        ends = np.where(self.answer_turns >= 0, self.answer_turns, self.offsets[1:])
        kept = np.ones(len(self.contents), dtype=bool)
        kept[self.answer_turns[self.answer_turns >= 0]] = False
        counts = ends - self.offsets[:-1]
        lists = _lists(np.concatenate([[0], np.cumsum(counts)]), self.contents.filter(pa.array(kept)))
        return pc.if_else(pa.array(counts > 0), pc.binary_join(lists, "\n"), pa.scalar(None, pa.string()))

    @cached_property
    def characters(self) -> Rows:
        """(m,) characters of each turn."""
        return np.asarray(pc.utf8_length(self.contents).to_numpy(zero_copy_only=False), dtype=np.int64)

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of all turns; those of record i stand between the offsets of its first turn and its last."""
        return Tokens.of(self.contents)

    @cached_property
    def is_prose(self) -> npt.NDArray[np.bool_]:
        """(n,) whether a record's answer, if any, is prose rather than tags."""
        known = pc.is_in(self.formats, pa.array(sorted(NOT_PROSE)))
        return ~np.asarray(known.to_numpy(zero_copy_only=False), dtype=bool)

    def per_record(self, values: npt.NDArray[np.int64]) -> Rows:
        """(n,) the sums of `values`, one a turn, over the turns of each record."""
        ends = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        return np.asarray(ends[self.offsets[1:]] - ends[self.offsets[:-1]], dtype=np.int64)

    def messages(self) -> pa.ListArray:
        """(n,) the turns as the column `messages` of a table."""
        turns = pa.StructArray.from_arrays([self.roles, self.contents], ["role", "content"])
        return _lists(self.offsets, turns)

    def texts(self) -> pa.StringArray:
        """(n,) all turns of each record, joined by line ends."""
        return pc.binary_join(_lists(self.offsets, self.contents), "\n")


def _take(texts: pa.StringArray, turns: Rows) -> pa.StringArray:
    return texts.take(pa.array(turns, pa.int64(), mask=turns < 0))


def _lists(offsets: Rows, items: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def characters(messages: pa.ChunkedArray | pa.ListArray) -> Rows:
    """(n,) characters of all turns of each record, from the column `messages` of a table."""
    messages = _whole(messages)
    sizes = pc.utf8_length(pc.struct_field(messages.flatten(), "content")).to_numpy(zero_copy_only=False)
    turns = pc.list_value_length(messages).to_numpy(zero_copy_only=False)
    ends = np.cumsum(turns)
    totals = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    return np.asarray(totals[ends] - totals[ends - turns], dtype=np.int64)

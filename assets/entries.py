"""Entries of the ledger: rows of a table and why they are left out, as rows of `tables.LEDGER`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from assets import tables
from assets.tables import escape

SHOWN = 200  # characters of a text


@dataclass(frozen=True)
class Said:
    """What the ledger says of k rows, one text each; `hits` names rows of other files and versions, null if none."""

    steps: Sequence[str]
    reasons: Sequence[str]
    details: Sequence[str]
    values: Sequence[str | None]
    thresholds: Sequence[str | None]
    hits: Sequence[str | None] | None = None


def entries(rows: pa.Table, said: Said, kept_ids: Sequence[str | None] | None = None) -> pa.Table:
    """k rows of the ledger for k `rows`, which have at least the columns id, source, file, line, item and messages."""
    nothing: list[str | None] = [None] * rows.num_rows
    columns = {
        **{name: rows.column(name) for name in ("id", "source", "file", "line", "item")},
        "step": pa.array(said.steps, pa.string()),
        "reason": pa.array(said.reasons, pa.string()),
        "detail": pa.array([escape(text, 400) for text in said.details], pa.string()),
        "value": pa.array(said.values, pa.string()),
        "threshold": pa.array(said.thresholds, pa.string()),
        "kept_id": pa.array(kept_ids if kept_ids is not None else nothing, pa.string()),
        "hit": pa.array(said.hits if said.hits is not None else nothing, pa.string()),
        "text": pa.array(beginnings(rows.column("messages")), pa.string()),
    }
    return pa.table({name: columns[name] for name in tables.LEDGER.names}).cast(tables.LEDGER)


def beginnings(messages: pa.ChunkedArray, limit: int = SHOWN) -> list[str]:
    """The beginning of each record, its turns one behind the other, safe to look at."""
    found = []
    for turns in messages.to_pylist():
        parts: list[str] = []
        size = shown = 0
        for turn in turns:  # a conversation may be far longer than what is shown of it
            size += len(turn["content"]) + 1
            if shown <= limit:
                parts.append(turn["content"])
                shown += len(turn["content"])
        text = " ".join(parts)
        left = max(size - 1 - limit, 0)
        found.append(escape(text[:limit], limit) + (f"… (+{left:,} characters)" if left else ""))
    return found


def where(files: pa.ChunkedArray, items: pa.ChunkedArray, texts: Sequence[str]) -> list[str]:
    """How rows of other files and versions are named in the ledger: file:item and the beginning of a text."""
    shown = zip(files.to_pylist(), items.to_pylist(), texts, strict=True)
    return [f"{escape(file, 200)}:{item}: {escape(text, 80)}" for file, item, text in shown]

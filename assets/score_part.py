"""One scorer's part of the table of scores: its columns for all rows, and what there is to say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets import score_columns, tables


@dataclass(frozen=True)
class Part:
    """`columns`: by name, one value for each row of the pool. The rest goes to the report of the asset."""

    columns: Mapping[str, pa.Array]
    facts: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    work: Mapping[str, Any] = field(default_factory=dict)


def empty(reason_column: str, rows: int, why: str) -> Part:
    """The part of a scorer that was not asked: its columns are null, and `reason_column` says why."""
    names = [*score_columns.REASONS[reason_column], *EXTRA[reason_column]]
    columns = {name: pa.nulls(rows, tables.SCORES.field(name).type) for name in names}
    return Part({**columns, reason_column: pa.array([why], pa.string()).take(pa.array(np.zeros(rows, np.int64)))})


def joined(ids: pa.ChunkedArray, parts: Sequence[Part]) -> pa.Table:
    """The table of scores: the ids, and the columns of all parts."""
    columns = {name: column for part in parts for name, column in part.columns.items()}
    return pa.table({"id": ids, **{name: columns[name] for name in tables.SCORES.names[1:]}}, schema=tables.SCORES)


def partial(
    reason_column: str, columns: Mapping[str, pa.Array], rows: npt.NDArray[np.int64], total: int, why: str
) -> dict[str, pa.Array]:
    """The columns of a scorer that scored only `rows` of `total`; the others are null, and `why` says the reason."""
    found = {name: spread(column, rows, total) for name, column in columns.items()}
    others = np.ones(total, dtype=np.bool_)
    others[rows] = False
    found[reason_column] = pc.if_else(pa.array(others), pa.scalar(why), found[reason_column])
    return found


def spread(column: pa.Array, rows: npt.NDArray[np.int64], total: int) -> pa.Array:
    """The values of `column` at `rows` of a column of `total` rows that is null elsewhere."""
    places = np.full(total, -1)
    places[rows] = np.arange(len(rows))
    return column.take(pa.array(places, mask=places < 0))


EXTRA = {
    "null_reason": ("suspected_label", "target"),
    "language_null_reason": ("response_tokens", "cut_tokens", "turns"),
    "tagging_null_reason": (),
    "answer_null_reason": ("answer_damage",),
}
"""What a part has besides its scores and the reason, by the column of its reason."""

"""The cleaning steps over raw_data: what is measured of each row, how its text changes, and which step it fails.

Measuring and judging are apart. What was measured is kept as columns (`statistics`), and a bound that is changed later
is applied to those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets import tables
from assets.entries import Said
from assets.methods.cleaning.steps import Step
from assets.methods.conversations import Conversations
from assets.methods.dedup import exact, ranking
from assets.statistics import Column, made_of

# What the steps need of a row of raw_data, and what is handed on beside their results.
NEEDED = ("id", "messages", "label", "format", "extras")
CARRIED = ("id", "source", "label", "attributes", "file", "line", "item", "weight", "format")

_CLEAN = [
    pa.field("clean_id", pa.string()),
    pa.field("clean_messages", tables.MESSAGES),
    pa.field("clean_extras", tables.ATTRIBUTES),
    pa.field("key", pa.binary(16)),  # equal for rows with the same turns, once what `fold` names is folded away
    pa.field("answer_length", pa.int64()),  # characters of the answer, or of all turns where there is none
]


@dataclass(frozen=True)
class Plan:
    """The steps in their order, the columns that each measures (by the step's own names), and how rows are compared."""

    steps: tuple[Step, ...]
    columns: tuple[Mapping[str, Column], ...]
    fold: frozenset[str]  # what exact duplicates may differ in

    @classmethod
    def of(cls, steps: Sequence[Step], fold: frozenset[str], content: str, code_version: str) -> Plan:
        """`content` is the hash of raw_data, `code_version` that of the code: what every column depends on, too."""
        chain = made_of(content, code_version)
        taken: dict[str, str] = {}
        columns: list[dict[str, Column]] = []
        for place, step in enumerate(steps):
            own: dict[str, Column] = {}
            for name, kind in step.statistics().items():
                origin = made_of(chain, name)
                # The same statistic of another state of the text is a column of its own.
                shown = name if taken.get(name, origin) == origin else f"{name} @{place}"
                taken[shown] = origin
                own[name] = Column(shown, kind, origin)
            columns.append(own)
            if step.transform_key:
                chain = made_of(chain, step.transform_key)
        return cls(tuple(steps), tuple(columns), fold)

    @property
    def all_columns(self) -> list[Column]:
        """Every column once, in the order of the steps."""
        return list({column.name: column for own in self.columns for column in own.values()}.values())

    def schema(self, known: Sequence[str]) -> pa.Schema:
        """What `measure` returns where the columns `known` need not be measured."""
        return pa.schema([*_CLEAN, *(pa.field(c.name, c.type) for c in self.all_columns if c.name not in known)])


def measure(batch: pa.Table, plan: Plan, known: Sequence[str]) -> pa.Table:
    """For each row of raw_data its text after the steps, its new id and key, and the statistics that are not `known`.

    A step measures the text as the steps before it left it. Cost: linear in the text.
    """
    before = records = Conversations.of(batch)
    measured: dict[str, pa.Array] = {}
    for step, own in zip(plan.steps, plan.columns, strict=True):
        if any(column.name not in known and column.name not in measured for column in own.values()):
            found = step.measure(records)
            measured |= {column.name: found[name] for name, column in own.items() if column.name not in known}
        records = step.transform(records)
    messages = records.messages()
    columns = {
        "clean_id": _ids(batch.column("id"), before, records, messages),
        "clean_messages": messages,
        "clean_extras": records.extras,
        "key": _as_arrow(exact.duplicate_keys(records, plan.fold, with_label=False)),
        "answer_length": pa.array(ranking.lengths(records)),
        **measured,
    }
    schema = plan.schema(known)
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _as_arrow(keys: exact.Keys) -> pa.FixedSizeBinaryArray:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(keys), [None, pa.py_buffer(keys)])


def _ids(ids: pa.ChunkedArray, before: Conversations, after: Conversations, messages: pa.ListArray) -> pa.Array:
    """The ids of the changed text; where nothing has changed, which is nearly everywhere, that is the raw id."""
    ids = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    if after.contents is before.contents:
        return ids
    changed = pc.not_equal(before.contents, after.contents).to_numpy(zero_copy_only=False)
    rows = np.unique(after.record_of[np.flatnonzero(changed)])
    if not len(rows):
        return ids
    turns, labels = messages.take(pa.array(rows)).to_pylist(), after.labels.take(pa.array(rows)).to_pylist()
    fresh = [tables.record_id(each, label) for each, label in zip(turns, labels, strict=True)]
    mask = np.zeros(len(ids), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(ids, pa.array(mask), pa.array(fresh, pa.string()))


@dataclass(frozen=True)
class Verdicts:
    """Of n rows those that fail a step: their places, ascending, and for each the first step that it fails, and why."""

    failed: npt.NDArray[np.int64]
    said: Said


def judge(plan: Plan, columns: Mapping[str, pa.Array]) -> Verdicts:
    """Apply the bounds of all steps to the columns of a batch; a row fails by the first step that it does not pass."""
    first: dict[int, tuple[str, str, str, str, str]] = {}
    for step, own in zip(plan.steps, plan.columns, strict=True):
        faults = step.judge({name: columns[column.name] for name, column in own.items()})
        why = zip(faults.reasons, faults.details, faults.values, faults.thresholds, strict=True)
        for row, (reason, detail, value, threshold) in zip(faults.rows.tolist(), why, strict=True):
            first.setdefault(row, (step.name, reason, detail, value, threshold))
    rows = sorted(first)
    said = [first[row] for row in rows]
    return Verdicts(np.array(rows, dtype=np.int64), Said(*([each[i] for each in said] for i in range(5))))

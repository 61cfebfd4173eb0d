"""Made-up records as a batch, and how to run one step over it."""

import json
from collections.abc import Sequence

import pyarrow as pa

from assets.methods.cleaning.steps import Faults, Step
from assets.methods.conversations import Conversations
from assets.tables import ATTRIBUTES, MESSAGES

Turn = tuple[str, str]
LETTERS = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}


def batch(*records: Sequence[Turn], format: str = "messages", extras: Sequence[dict[str, str]] = ()) -> Conversations:
    """Records of (role's first letter, text) turns."""
    messages = [[{"role": LETTERS[role], "content": text} for role, text in record] for record in records]
    held = [list(extra.items()) for extra in extras] or [[] for _ in records]
    table = pa.table(
        {
            "messages": pa.array(messages, MESSAGES),
            "label": pa.nulls(len(records), pa.string()),
            "format": pa.array([format] * len(records), pa.string()),
            "extras": pa.array(held, ATTRIBUTES),
        }
    )
    return Conversations.of(table)


def answers(*texts: str | None, prompt: str = "What is it?") -> Conversations:
    """One record for each answer; None leaves the record without one."""
    return batch(*([("u", prompt)] if text is None else [("u", prompt), ("a", text)] for text in texts))


def alpaca(*rows: tuple[str, str, str]) -> Conversations:
    """Rows of instruction, input and output, with the ranges of the first two."""
    records, extras = [], []
    for instruction, given, output in rows:
        asked = "\n".join(part for part in (instruction, given) if part)
        records.append([("u", asked), ("a", output)])
        start = len(instruction) + 1
        fields = {"instruction": [0, len(instruction)], "input": [start, start + len(given)]}
        extras.append({"fields": json.dumps(fields)} if instruction and given else {})
    return batch(*records, format="alpaca", extras=extras)


def texts(records: Conversations) -> list[str]:
    """All turns of all records."""
    found: list[str] = records.contents.to_pylist()
    return found


def faults(step: Step, records: Conversations) -> Faults:
    """What the step objects to; its columns are of the types that it states, one value a row."""
    columns = step.measure(records)
    assert {name: column.type for name, column in columns.items()} == step.statistics()
    assert all(len(column) == len(records) for column in columns.values())
    return step.judge(columns)


def reasons(step: Step, records: Conversations) -> list[str | None]:
    """The reason of each row, None for a sound one."""
    found = faults(step, records)
    by_row = dict(zip(found.rows.tolist(), found.reasons, strict=True))
    assert list(by_row) == sorted(by_row)
    return [by_row.get(row) for row in range(len(records))]

"""What a cleaning step is: it may change texts, it measures them once, and it judges by what was measured.

Measuring and judging are apart so that another threshold costs no new pass over the texts. The steps themselves stand
in the modules beside this one; `catalogue.py` lists them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from assets.methods.conversations import Conversations, Rows

Part = Literal["conversation", "prompt", "answer"]
Columns = Mapping[str, pa.Array]  # or pa.ChunkedArray, as they come from a file
Said = tuple[str, str, str, str]  # reason, detail, value, threshold


@dataclass(frozen=True)
class Faults:
    """The k rows that a step objects to, in ascending order, each with what stands in the ledger about it."""

    rows: Rows  # (k,)
    reasons: list[str]  # short, countable names
    details: list[str]  # the reason in one sentence
    values: list[str]  # what was found, escaped
    thresholds: list[str]  # the bound that it missed

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def where(cls, fault: npt.NDArray[np.bool_] | pa.Array, found: pa.Array, describe: Callable[[Any], Said]) -> Faults:
        """One fault for each row of `fault` (n,) that is true, null being false.

        `describe` turns the row's item of `found` (n,) into reason, detail, value and threshold.
        """
        if not isinstance(fault, np.ndarray):
            fault = pc.fill_null(fault, False).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(fault).astype(np.int64)
        said = [describe(value) for value in found.take(pa.array(rows)).to_pylist()]
        reasons, details, values, thresholds = map(list, zip(*said, strict=True)) if said else ([], [], [], [])
        return cls(rows, reasons, details, values, thresholds)

    @classmethod
    def joined(cls, *parts: Faults) -> Faults:
        """All faults in the order of their rows; a row with several faults keeps that of the first part."""
        rows = np.concatenate([part.rows for part in parts]) if parts else np.empty(0, np.int64)
        kept, first = np.unique(rows, return_index=True)
        reasons, details, values, thresholds = (
            [text for part in parts for text in getattr(part, name)]
            for name in ("reasons", "details", "values", "thresholds")
        )
        return cls(
            kept,
            [reasons[i] for i in first],
            [details[i] for i in first],
            [values[i] for i in first],
            [thresholds[i] for i in first],
        )

    @classmethod
    def none(cls) -> Faults:
        """No fault at all."""
        return cls(np.empty(0, np.int64), [], [], [], [])


class Step(Protocol):
    """A step of the list. Implementations are frozen dataclasses whose fields are the options in `params.yaml`."""

    name: ClassVar[str]

    @property
    def transform_key(self) -> str:
        """Names everything that decides how `transform` changes a text; empty where it changes nothing."""

    def transform(self, batch: Conversations) -> Conversations:
        """The same n records with changed texts."""

    def statistics(self) -> dict[str, pa.DataType]:
        """Name and type of each column that `measure` makes.

        A name holds every option that changes the values, and no threshold: equal names mean equal values. Values
        are those of the texts as the step gets them, before its own `transform`.
        """

    def measure(self, batch: Conversations) -> dict[str, pa.Array]:
        """The columns (n,); null where a value is not defined for a row."""

    def judge(self, columns: Columns) -> Faults:
        """The rows that miss a threshold, by their columns alone. A null is never a fault."""


class Measuring:
    """The half of a step that changes no text."""

    @property
    def transform_key(self) -> str:
        return ""

    def transform(self, batch: Conversations) -> Conversations:
        return batch


def part_of(batch: Conversations, part: Part) -> pa.StringArray:
    """(n,) that part of each record as one text, its turns joined by line ends; null where there is no such turn.

    `answer` is the last turn if it is the assistant's, `prompt` everything else.
    """
    if part == "answer":
        return batch.answers
    return batch.prompts if part == "prompt" else batch.texts()


def plural(count: int, one: str, several: str | None = None) -> str:
    """`count` with its noun: 1 character, 2 characters."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"

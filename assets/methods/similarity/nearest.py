"""What every measure of similarity to a target set returns, and how a pool is cut into strips for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.errors import DataError

Texts: TypeAlias = pa.StringArray | pa.ChunkedArray | Sequence[str | None]

STRIP_ROWS = 2048  # fixed, so that the parts of the work do not depend on the number of threads


@dataclass(frozen=True)
class Nearest:
    """How alike each of n rows is to the m items of a target set; higher = more alike, 1 = the same.

    `best`: (n,) float64, the highest similarity to any item. `mean`: (n,) float64, the mean over all items.
    `item`: (n,) int64, the item that `best` belongs to; of equals the lowest, so 0 where a row is
    equally unlike all of them.
    """

    best: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    item: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.best)

    @classmethod
    def joined(cls, parts: Sequence[Nearest]) -> Nearest:
        """Those of a pool from those of its strips, in their order."""
        if not parts:
            return cls(np.empty(0), np.empty(0), np.empty(0, np.int64))
        return cls(
            np.concatenate([part.best for part in parts]),
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.item for part in parts]),
        )


def strips(rows: int, strip_rows: int = STRIP_ROWS) -> list[slice]:
    """The pool in strips of rows."""
    return [slice(start, min(start + strip_rows, rows)) for start in range(0, rows, strip_rows)]


def some_items(items: int) -> None:
    """Raise `DataError` where the target set is empty: nothing can be like it."""
    if not items:
        raise DataError("the target set has no items: expected at least one to compare the rows with")


def as_arrow(texts: Texts) -> pa.StringArray | pa.ChunkedArray:
    """Texts in Arrow, without a copy where they are already; more than 2 GiB are in chunks."""
    return texts.cast(pa.string()) if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.string())


def strip_of(texts: pa.StringArray | pa.ChunkedArray, rows: slice) -> pa.StringArray:
    """Some rows of them in one piece; a copy only where they lie in several chunks."""
    part = texts[rows]
    return part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part

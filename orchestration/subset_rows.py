"""The rows of a subset as the checks read them, or why they cannot be compared with anything.

What belongs here: reading one file. What is wrong with rows that can be read is for the checks to say.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets import tables
from orchestration import groups
from orchestration.comparisons import AGAIN

_FILLED = ("source", "messages")  # columns that are counted and may have no nulls


def read(path: Path, in_tokens: bool) -> tuple[pa.Table | None, str]:
    """The subset, or None and why it cannot be compared with anything. `in_tokens`: whether tokens are compared."""
    try:
        with pq.ParquetFile(path) as file:
            subset = file.read()
    except (OSError, pa.ArrowInvalid):
        return None, f"{path.name} is missing or damaged; {AGAIN}"
    for column in tables.SUBSET:
        if column.name not in subset.schema.names:
            if column.name in groups.COLUMNS:
                return None, f"{path.name} has no column '{column.name}'; {AGAIN}"
            continue  # the record schema will say so
        found = subset.schema.field(column.name).type
        if found != column.type:
            return None, f"{path.name}: column '{column.name}' is {found}, expected {column.type}; {AGAIN}"
        if column.name in _FILLED and _has_nulls(subset.column(column.name).combine_chunks()):
            return None, f"{path.name}: column '{column.name}' has nulls; {AGAIN}"
    if in_tokens and not _has_tokens(subset):
        return None, f"{path.name}: column 'tokens' must be at least 1 in every row; {AGAIN}"
    return (subset, "") if subset.num_rows else (None, "the subset has no rows; raise selected_subset.budget")


def _has_nulls(values: pa.Array) -> bool:
    """Whether there are nulls in `values` or in what they are made of."""
    if pa.types.is_list(values.type):
        inner = [values.flatten()]
    else:
        inner = values.flatten() if pa.types.is_struct(values.type) else []
    return values.null_count > 0 or any(map(_has_nulls, inner))


def _has_tokens(table: pa.Table) -> bool:
    """Whether every row of a subset says how many tokens it takes."""
    tokens = table.column("tokens") if "tokens" in table.schema.names else pa.nulls(1)
    return tokens.null_count == 0 and (len(tokens) == 0 or pc.min(tokens).as_py() >= 1)

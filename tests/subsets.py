"""Small pools and subsets on disk, for the tests of the checks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets import params, tables
from assets.workspace import Workspace

Row = dict[str, Any]
SKEWED = {"common": 150, "usual": 100, "rare": 10}


def pool_rows(labels: Sequence[str | None], attributes: Sequence[dict[str, str]] | None = None) -> list[Row]:
    """Two turns a row, lengths that vary, sources that alternate."""
    return [
        {
            "source": ("books", "chats")[number // 3 % 2],
            "messages": [
                {"role": "user", "content": f"question {number}"},
                {"role": "assistant", "content": "answer " * (1 + number % 7)},
            ],
            "label": label,
            "attributes": list((attributes[number] if attributes else {}).items()),
            "extras": [],
            "file": "rows.jsonl",
            "line": number + 1,
            "item": number + 1,
            "weight": 1.0,
            "format": "alpaca",
            "raw_id": "0" * 32,
        }
        for number, label in enumerate(labels)
    ]


def skewed() -> list[Row]:
    return pool_rows([name for name, count in SKEWED.items() for _ in range(count)])


def write_pool(root: Path, rows: list[Row]) -> None:
    for row in rows:
        row["id"] = tables.record_id(row["messages"], row["label"])
    with tables.replacing(root / "data" / "cleaned_data") as folder:
        # Several shards and batches: counts must not depend on how the rows are cut.
        writer = tables.ShardWriter(folder, tables.CLEANED, rows=97)
        writer.write(pa.Table.from_pylist(rows, schema=tables.CLEANED))
        writer.close()


def write_subset(root: Path, rows: list[Row]) -> None:
    ranked = [
        {
            **row,
            "id": tables.record_id(row["messages"], row["label"]),
            **{"rank": rank, "gain": 1.0, "reason": "covers", "cluster": 0, "length": 1},
        }
        for rank, row in enumerate(rows, start=1)
    ]
    with tables.replacing(root / "data" / "selected_subset") as folder:
        tables.write_parquet(pa.Table.from_pylist(ranked, schema=tables.SUBSET), folder / "subset.parquet")


def workspace(root: Path, rows: list[Row], chosen: list[Row], settings: str) -> Workspace:
    write_pool(root, rows)
    write_subset(root, chosen)
    return Workspace(root, params.parse(settings))

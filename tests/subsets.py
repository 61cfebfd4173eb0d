"""Small pools and subsets on disk, for the tests of the checks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assets import params, tables
from assets.methods.quotas.plans import Quota, plan
from assets.selection_params import SelectedSubset, TokenBudget
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


def write_subset(root: Path, rows: list[Row], manifest: dict[str, Any] | None) -> None:
    made = {"gain": 1.0, "reason": "covers", "cluster": 0, "length": 1, "phase": "chosen", "covers": 1}
    ranked = [
        {
            "tokens": None,
            **row,
            "id": tables.record_id(row["messages"], row["label"]),
            **{"rank": rank, "contributions": [], "targets": [], **made},
        }
        for rank, row in enumerate(rows, start=1)
    ]
    with tables.replacing(root / "data" / "selected_subset") as folder:
        tables.write_parquet(pa.Table.from_pylist(ranked, schema=tables.SUBSET), folder / "subset.parquet")
        if manifest is not None:
            tables.write_json(folder / "manifest.json", manifest)


def manifest_of(pool: list[Row], chosen: list[Row], settings: SelectedSubset) -> dict[str, Any]:
    """What a selection from the pool by these settings says was asked for, whatever was chosen."""
    in_tokens = isinstance(settings.budget, TokenBudget)
    costs = np.array([row.get("tokens", 1) for row in pool], dtype=np.int64)
    budget = settings.budget.tokens if isinstance(settings.budget, TokenBudget) else settings.budget
    labelled = any(row["label"] is not None for row in pool)
    columns = [("label" if labelled else "source") if quota.by == "class" else quota.by for quota in settings.quota]
    planned = plan(
        [Quota(column, quota.rule, quota.minimum) for column, quota in zip(columns, settings.quota, strict=True)],
        [[value_of(row, column) for row in pool] for column in columns],
        budget if isinstance(budget, int) else round(budget * len(pool)),
        np.ones(len(pool), dtype=np.bool_),
        costs if in_tokens else None,
    )
    return {
        "rows": len(chosen),
        "pool_rows": len(pool),
        "unit": "tokens" if in_tokens else "rows",
        "quotas": planned.by_column,
        "settings": {"selected_subset": settings.model_dump(mode="json")},
    }


def value_of(row: Row, column: str) -> str:
    """The value of a row in the column of a quota."""
    if column in ("label", "source"):
        return "(no label)" if row[column] is None else str(row[column])
    return dict(row["attributes"]).get(column.removeprefix("attributes."), "(none)")


def workspace(
    root: Path, rows: list[Row], chosen: list[Row], settings: str, said: dict[str, Any] | None = None
) -> Workspace:
    """A pool, a subset of it and the settings that it was chosen by; `said` replaces parts of its manifest."""
    parsed = params.parse(settings)
    write_pool(root, rows)
    write_subset(root, chosen, manifest_of(rows, chosen, parsed.selected_subset) | (said or {}))
    return Workspace(root, parsed)

"""What `pickwise run` says of the selection: what did not go as asked, why rows were not chosen, and the balance."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from assets import tables
from assets.workspace import read_json

MOST_NOTES = 10
MOST_CLASSES = 15
NOTE_CHARACTERS = 500

SUBSET = Path("data", "selected_subset")
REASONS = {
    "outranked": "another row stands for it, or was ranked before it",
    "no_seats": "the quotas give its group no seats",
    "no_score": "it lacks a score, and such rows are left out",
    "suspected_label": "the probe contradicts its label",
    "filter": "it does not pass a filter",
    "excluded": "named in selected_subset.exclude",
}


def show(console: Console, root: Path, is_current: bool) -> None:
    """Print what there is to say. `is_current`: whether the run that just ended selected, or had nothing to change."""
    manifest = read_json(root / SUBSET / "manifest.json") or {}
    if is_current:
        _notes(console, manifest)
        if reasons := _not_selected(root):
            console.print(reasons)
    if balance := _balance(root, manifest):
        console.print(balance)


def _notes(console: Console, manifest: Mapping[str, Any]) -> None:
    notes = manifest.get("notes")
    if not isinstance(notes, list) or not notes:
        return
    console.print(Text("Notes of the selection", "italic"))
    for note in notes[:MOST_NOTES]:
        # As text, so that no name in it is read as markup.
        console.print(Padding(Text(f"- {tables.escape(str(note), NOTE_CHARACTERS)}"), (0, 0, 0, 2)))
    if (rest := len(notes) - MOST_NOTES) > 0:
        console.print(Text(f"  {rest:,} more in {(SUBSET / 'manifest.json').as_posix()}"))


def _not_selected(root: Path) -> Table | None:
    """Rows of cleaned_data that are not in the subset, by reason, most of them first."""
    try:
        with pq.ParquetFile(root / SUBSET / "not_selected.parquet") as file:
            reasons = file.read(columns=["reason"]).column("reason")
    except (OSError, pa.ArrowException, KeyError):
        return None
    counts = Counter({each["values"]: each["counts"] for each in reasons.value_counts().to_pylist()})
    table = Table(title="Why rows were not selected", title_justify="left")
    table.add_column("reason")
    table.add_column("")
    table.add_column("rows", justify="right")
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(Text(tables.escape(name, 60)), REASONS.get(name, ""), f"{count:,}")
    return table if counts else None


def _balance(root: Path, manifest: Mapping[str, Any]) -> Table | None:
    """The shares of the classes in the pool and in the subset."""
    path = root / "data" / "metrics" / "classes.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    grouped_by = str(manifest.get("grouped_by", "label"))
    table = Table(title=f"Balance before and after, by {grouped_by}", title_justify="left")
    table.add_column(grouped_by)
    for name in ("pool", "share", "subset", "share"):
        table.add_column(name, justify="right")
    for row in rows[:MOST_CLASSES]:
        shares = [f"{100 * float(row[name]):.1f} %" for name in ("pool share", "subset share")]
        table.add_row(Text(row["class"]), f"{int(row['pool']):,}", shares[0], f"{int(row['subset']):,}", shares[1])
    if len(rows) > MOST_CLASSES:
        left = rows[MOST_CLASSES:]
        table.add_row(
            f"{len(left)} more",
            f"{sum(int(row['pool']) for row in left):,}",
            f"{100 * sum(float(row['pool share']) for row in left):.1f} %",
            f"{sum(int(row['subset']) for row in left):,}",
            f"{100 * sum(float(row['subset share']) for row in left):.1f} %",
        )
    return table

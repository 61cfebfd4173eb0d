"""What `raw_data` and `cleaned_data` left out, as it stands on disk after a run: for the summary and for the checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from assets import drops, ledger, losses
from assets.drops import Drops
from assets.workspace import read_json

LEDGERS = {"raw_data": losses.REJECTED, "cleaned_data": losses.DROPPED}


def left_out_by(root: Path, name: str) -> Drops:
    """What `raw_data` or `cleaned_data` left out: by its ledger or, where that is of another run, by its metrics.

    Metrics tell no steps: the asset stands in their place.
    """
    metrics = read_json(root / "data" / "metrics" / f"{name}.json") or {}
    by_reason = {**metrics.get("rejected", {}), **metrics.get("dropped", {})}
    counts: Mapping[drops.Key, int]
    try:
        counts = ledger.count(root / LEDGERS[name])
    except (OSError, KeyError, pa.ArrowException):  # absent, damaged, or of an earlier release
        counts = {}
    if sum(counts.values()) != sum(by_reason.values()):
        counts = {("", name, reason): rows for reason, rows in by_reason.items()}
    sources = metrics.get("by_source", {})
    rows_in, kept = ({source: of[key] for source, of in sources.items()} for key in ("rows_in", "kept"))
    return Drops(counts, rows_in, kept)

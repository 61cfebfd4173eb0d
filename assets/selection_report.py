"""What there is to say about a subset: its manifest, and its report with figures and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets import plots, reporting, tables
from assets.errors import DataError
from assets.methods.coverage import metrics
from assets.methods.selecting.filling import PHASES
from assets.methods.selecting.select import Selection
from assets.reporting import Report
from assets.selection_columns import NO_LABEL, Columns
from assets.selection_inputs import Inputs, Previous, resolve_budget
from assets.selection_params import SelectedSubset

COVER_RADIUS = 0.3  # cosine distance within which a chosen row counts as standing for another
SAMPLE_ROWS = 20_000  # of the pool that the figures of coverage are taken of
MOST_CURVE_ROWS = 5_000  # of the curve of gains that DVC draws


@dataclass(frozen=True)
class Chosen:
    """A subset and all that it was chosen by. `rows`: (k,) of cleaned_data, in rank order.

    `why_not`: the rows that were not chosen, by reason.
    """

    columns: Columns
    inputs: Inputs
    selection: Selection
    subset: pa.Table
    rows: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]
    previous: Previous | None
    notes: tuple[str, ...]
    settings: SelectedSubset
    why_not: Mapping[str, int]

    @property
    def grouped_by(self) -> str:
        """The column that classes are told apart by."""
        return self.columns.class_column

    @property
    def in_tokens(self) -> bool:
        """Whether the budget is in tokens."""
        return self.inputs.tokens is not None


def manifest(found: Chosen, folder: Path) -> dict[str, object]:
    """What was chosen, in counts, and what was not. `folder` holds the subset."""
    labels = [NO_LABEL if label is None else label for label in found.subset.column("label").to_pylist()]
    selection = found.selection
    return {
        "rows_hash": tables.file_md5(folder / "subset.parquet"),
        "rows": found.subset.num_rows,
        "pool_rows": found.columns.records.num_rows,
        "preset": found.settings.preset,
        "classes": dict(Counter(labels)),
        "sources": dict(Counter(found.subset.column("source").to_pylist())),
        "grouped_by": found.grouped_by,
        "unit": "tokens" if found.in_tokens else "rows",
        "budget": found.inputs.wanted.budget,
        "spent": selection.spent,
        "quotas": selection.plan.by_column,
        "phases": {PHASES[phase]: count for phase, count in sorted(Counter(selection.phases.tolist()).items())},
        "not_selected": dict(found.why_not),
        "prefixes": prefixes(found),
        "previous": _previous(found),
        "notes": list(found.notes),
    }


def _previous(found: Chosen) -> dict[str, object] | None:
    if found.previous is None:
        return None
    now = set(found.subset.column("id").to_pylist())
    stayed = len(now & found.previous.ids)
    return {
        "version": found.previous.version,
        "rows": len(found.previous.ids),
        "stayed": stayed,
        "left": len(found.previous.ids) - stayed,
        "new": len(now) - stayed,
    }


def prefixes(found: Chosen) -> list[dict[str, object]]:
    """For each smaller budget of `also` the rows of the beginning of the ranking, and their classes."""
    classes = found.columns.groups(found.grouped_by, "selected_subset.also")
    result: list[dict[str, object]] = []
    for budget in found.settings.also:
        pool = found.columns.records.num_rows
        rows = budget if isinstance(budget, int) else resolve_budget(budget, pool, pool)
        if rows > len(found.rows):
            raise DataError(
                f"selected_subset.also: {budget} is {rows:,} rows, but the subset has {len(found.rows):,}; "
                "expected smaller budgets"
            )
        first = found.rows[:rows].tolist()
        result.append({"budget": budget, "rows": len(first), "classes": dict(Counter(classes[row] for row in first))})
    return result


def figures(found: Chosen) -> dict[str, float]:
    """How diverse the subset is, and how well it covers the pool; of a large pool, a sample drawn by the seed."""
    rows = len(found.vectors)
    sample = np.arange(rows)
    if rows > SAMPLE_ROWS:
        drawn = np.random.default_rng(found.inputs.wanted.seed).choice(rows, SAMPLE_ROWS, replace=False)
        sample = np.sort(drawn)
    # The chosen rows stand in front, so that they are found again among the sampled ones.
    both = np.concatenate([found.vectors[found.rows], found.vectors[np.setdiff1d(sample, found.rows)]])
    chosen = np.arange(len(found.rows), dtype=np.int64)
    reach = metrics.reach(both, chosen)
    outside = reach.distance[len(chosen) :] if len(both) > len(chosen) else reach.distance
    result = {
        "mean_distance_of_others": float(outside.mean()),
        "worst_distance": reach.worst,
        "others_covered": float((outside <= COVER_RADIUS).mean()),
    }
    if len(chosen) > 1:
        result["mean_pairwise_distance"] = metrics.mean_pairwise_distance(both, chosen)
    return result


def report(found: Chosen) -> Report:
    """What there is to say about the subset."""
    selection, subset = found.selection, found.subset
    groups = found.columns.groups(found.grouped_by, "selected_subset.quota")
    before, after = Counter(groups), Counter(groups[row] for row in found.rows.tolist())
    shares = [{name: count / sum(counter.values()) for name, count in counter.items()} for counter in (before, after)]
    classes: list[dict[str, reporting.Cell]] = [
        {
            "class": tables.escape(name, 80),
            "pool": before[name],
            "pool share": round(shares[0][name], 6),
            "subset": after[name],
            "subset share": round(shares[1].get(name, 0.0), 6),
        }
        for name in sorted(before, key=lambda name: (-before[name], name))
    ]
    positions = np.column_stack([found.columns.clusters.column(axis).to_numpy() for axis in ("x", "y")])
    mask = np.zeros(len(positions), dtype=bool)
    mask[found.rows] = True
    clusters = found.columns.clusters.column("cluster").to_numpy()
    pictures = {
        f"{found.grouped_by} before and after": plots.paired_bars(
            shares[0], shares[1], ("pool", "subset"), "percent of rows"
        ),
        "map": plots.scatter(positions, clusters, mask),
        "gain": plots.curve(selection.gains, "gain", "rank"),
    }
    covered = len(set(subset.column("cluster").to_pylist()))
    suspected = int(found.inputs.pool.suspected.sum() - found.inputs.pool.suspected[selection.indices].sum())
    measured = figures(found)
    counts: dict[str, dict[str, int]] = {found.grouped_by: dict(after), "not selected": dict(found.why_not)}
    for column, seats in selection.plan.by_column.items():
        counts[f"seats by {column}"] = dict(seats)
    previous = _previous(found)
    told = "; ".join(f"{key} {value}" for key, value in previous.items()) if previous else "none"
    step = -(-len(selection.gains) // MOST_CURVE_ROWS) if len(selection.gains) else 1
    return Report(
        rows=subset.num_rows,
        facts={
            "preset": found.settings.preset,
            "pool rows": found.columns.records.num_rows,
            "share of the pool": subset.num_rows / found.columns.records.num_rows,
            "spent": f"{selection.spent:,} of {found.inputs.wanted.budget:,} {'tokens' if found.in_tokens else 'rows'}",
            "quotas by": ", ".join(selection.plan.by_column) or "none",
            "classes": len(after),
            "clusters covered": f"{covered} of {len(np.unique(clusters))}",
            "suspected labels left out": suspected,
            "previous": told,
            "notes": "; ".join(found.notes) or "none",
            **{name.replace("_", " "): value for name, value in measured.items()},
        },
        preview=reporting.preview(subset.slice(0, reporting.PREVIEW_ROWS).to_pylist()),
        schema=reporting.columns(tables.SUBSET),
        counts=counts,
        pictures={name: reporting.picture(png) for name, png in pictures.items()},
        metrics={
            "rows": subset.num_rows,
            "share": subset.num_rows / found.columns.records.num_rows,
            "spent": selection.spent,
            "classes": len(after),
            "clusters_covered": covered,
            "total_gain": float(np.sum(selection.gains)),
            "suspected_labels_left_out": suspected,
            **measured,
            **({"churn": {key: value for key, value in previous.items() if key != "version"}} if previous else {}),
        },
        curves={
            "classes.csv": classes,
            "gain.csv": [
                {"rank": rank + 1, "gain": float(selection.gains[rank])}
                for rank in range(0, len(selection.gains), step)
            ],
        },
    )

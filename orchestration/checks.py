"""The Dagster asset checks: those of `selected_subset`, which block, and those of other assets, which warn.

What belongs here: how outcomes become Dagster's check results, with the table and the picture that its UI shows.
What is judged, and how, is `judging.py` for the subset and `assets/losses.py` for the sources.
"""

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from assets import losses, materializing, plots, reporting
from assets.drops import step_order
from assets.tables import escape
from assets.verdict import CheckOutcome, GroupShares
from assets.workspace import Workspace
from orchestration import quantization_checks
from orchestration.comparisons import percent
from orchestration.judging import ASSET, CHECKS, PAGE, run_checks
from orchestration.left_out import left_out_by

MOST_ROWS = 100  # of the table of groups
MOST_BARS = 20  # groups of a panel of the picture
MOST_PANELS = 6


def build_checks() -> list[dg.AssetChecksDefinition]:
    """The blocking checks, in one step so that Great Expectations is loaded, and the tables are read, once."""

    @dg.multi_asset_check(
        name="subset_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=ASSET, description=description, blocking=True)
            for name, description in CHECKS.items()
        ],
        pool="workspace",
    )
    def subset_checks(workspace: dg.ResourceParam[Workspace]) -> Iterator[dg.AssetCheckResult]:
        with materializing.one_line_failures():
            outcomes = run_checks(workspace)
        for outcome in outcomes:
            yield dg.AssetCheckResult(
                asset_key=ASSET,
                check_name=outcome.name,
                passed=outcome.passed,
                severity=dg.AssetCheckSeverity[outcome.severity],
                description=outcome.summary,
                metadata=metadata(outcome, workspace.reports / PAGE),
            )

    return [subset_checks, sources_survive, *quantization_checks.build_checks()]


@dg.asset_check(
    asset="cleaned_data",
    name="sources_survive",
    description="No source lost more than half of its rows in cleaning; a warning, which blocks nothing.",
    blocking=False,
    pool="workspace",
)
def sources_survive(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Warns of each source that lost more than half of its rows, and names the step that took most."""
    with materializing.one_line_failures():
        order = step_order(workspace.params.cleaned_data)
        judgement = losses.judge(left_out_by(workspace.root, "cleaned_data"), losses.DROPPED, order)
    return dg.AssetCheckResult(
        passed=judgement.passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=judgement.sentence,
        metadata={
            "summary": judgement.sentence,
            "rows by source and step": dg.MetadataValue.md(reporting.markdown_table(judgement.table) or "none"),
        },
    )


def metadata(outcome: CheckOutcome, docs: Path) -> dict[str, Any]:
    """What the Dagster UI shows of an outcome."""
    entries: dict[str, Any] = {"summary": outcome.summary}
    if docs.is_file():  # not where the subset could not be read
        entries["report"] = dg.MetadataValue.path(str(docs))
    entries |= {name: value for name, value in outcome.facts.items() if isinstance(value, int | float)}
    # Numbers, because Dagster draws those over time.
    for title, each in outcome.facts.get("columns", {}).items():
        if each["divergence"] is not None:
            entries[f"divergence of {escape(title, 80)}"] = each["divergence"]
    if outcome.table:
        entries["groups"] = dg.MetadataValue.md(groups_table(outcome.table))
        png = base64.b64encode(shares_picture(outcome.table)).decode("ascii")
        entries["shares"] = dg.MetadataValue.md(f"![shares](data:image/png;base64,{png})")
    return entries


def groups_table(rows: Sequence[GroupShares]) -> str:
    """A Markdown table of the groups; rows that do not fit are counted below it."""
    shown: list[dict[str, reporting.Cell]] = [
        {
            "column": row.column,
            "group": row.group,
            "pool": percent(row.pool),
            "target": percent(row.target),
            "subset": percent(row.subset),
            "difference": f"{100 * row.difference:+.1f}",
        }
        for row in rows[:MOST_ROWS]
    ]
    more = f"\n\nand {len(rows) - MOST_ROWS:,} more groups" if len(rows) > MOST_ROWS else ""
    return reporting.markdown_table(shown) + more


def shares_picture(rows: Sequence[GroupShares]) -> bytes:
    """PNG bytes: for each column, the shares of its largest groups in pool, target and subset."""
    panels: dict[str, list[tuple[str, dict[str, float]]]] = {}
    for row in rows:
        shares = {"pool": row.pool, "target": row.target, "subset": row.subset}
        panels.setdefault(row.column, []).append((row.group, shares))
    left_out = len(panels) - MOST_PANELS
    more = f"; {left_out} more in the table" if left_out > 0 else ""
    return plots.share_panels(dict(list(panels.items())[:MOST_PANELS]), f"percent of rows{more}", MOST_BARS)

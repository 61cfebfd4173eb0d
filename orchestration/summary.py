"""The tables at the end of `pickwise run`: rows in and out, why rows were dropped, checks, version, times.

What is said of the selection itself is `selection_summary.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assets import drops, losses, params, tables
from assets.drops import Drops
from assets.errors import PickwiseError
from assets.workspace import SETTINGS, read_json
from orchestration import selection_summary
from orchestration.jobs import DATA_ASSETS
from orchestration.left_out import LEDGERS, left_out_by
from orchestration.running import Outcome

MOST_REASONS = 25


def show(console: Console, root: Path, outcome: Outcome) -> None:
    """Print the summary of a finished run."""
    console.print()
    console.print(_steps(root, outcome))
    left_out = {name: left_out_by(root, name) for name in LEDGERS}
    reasons = _reasons(root, left_out)
    if reasons:
        console.print(reasons)
    for line in warnings(left_out):
        console.print(f"[bold red]{escape(line)}[/bold red]", soft_wrap=True, highlight=False)
    selection_summary.show(console, root, is_current="selected_subset" in outcome.metadata)
    if "selected_subset" in outcome.metadata:
        console.print(checks(root))
    _version(console, outcome)


def _steps(root: Path, outcome: Outcome) -> Table:
    table = Table(title="Steps", title_justify="left")
    for name in ("asset", "rows in", "rows out", "what happened", "time"):
        table.add_column(name, justify="right" if name in ("rows in", "rows out", "time") else "left")
    before: Any = ""
    for name in (*DATA_ASSETS, "subset_version"):
        facts = outcome.metadata.get(name)
        if facts is None:
            table.add_row(name, "", "", _not_done(name, outcome), "")
            continue
        rows = facts.get("dagster/row_count", 0)
        seconds = outcome.seconds.get(name)
        table.add_row(
            name,
            f"{before:,}" if before != "" else "",
            f"{rows:,}",
            escape(_happened(name, facts)),
            f"{seconds:.1f} s" if seconds is not None else "",
        )
        before = rows
    return table


def _not_done(name: str, outcome: Outcome) -> str:
    return "[red]failed[/red]" if name in outcome.failures else "[yellow]not done[/yellow]"


def _happened(name: str, facts: dict[str, Any]) -> str:
    said = {
        "raw_data": f"{facts.get('rejected', 0):,} rejected, {_counted(facts.get('sources', 0), 'source')}",
        "cleaned_data": f"{facts.get('dropped', 0):,} dropped",
        "embeddings": _embedded(facts),
        "uncertainty_scores": _scored(facts),
        "cluster_assignments": f"{_counted(facts.get('clusters', 0), 'cluster')}",
        "selected_subset": _selected(facts),
        "subset_version": f"{facts.get('version', '')}: {facts.get('why', '')}",
    }[name]
    return f"{said} (reused)" if "reused" in facts else said


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _scored(facts: dict[str, Any]) -> str:
    said = [f"{facts.get('suspected labels', 0):,} suspected labels"] if "target" in facts else []
    if "language model" in facts:
        said.append(f"{facts.get('rows for the language model', 0):,} scored by a language model")
    if "tagger" in facts:
        said.append(f"{_counted(facts.get('sentences', 0), 'sentence')} by a tagger")
    return ", ".join(said) or "nothing to score"


def _embedded(facts: dict[str, Any]) -> str:
    said = f"{facts.get('rows embedded', 0):,} embedded, {facts.get('rows from the cache', 0):,} from the cache"
    repeated = facts.get("rows with a text embedded for another row", 0)
    return f"{said}, {repeated:,} repeat a text" if repeated else said


def _selected(facts: dict[str, Any]) -> str:
    share = f"{100 * facts.get('share of the pool', 0.0):.1f} % of the pool"
    return "; ".join([*(str(facts[name]) for name in ("preset", "spent") if name in facts), share])


def _reasons(root: Path, left_out: Mapping[str, Drops]) -> Table | None:
    table = Table(title="Why rows were left out", title_justify="left")
    table.add_column("step")
    table.add_column("reason")
    table.add_column("rows", justify="right")
    order = _step_order(root)
    rows = [row for found in left_out.values() for row in found.by_step_and_reason(order)]
    for step, reason, count in rows[:MOST_REASONS]:
        table.add_row(escape(tables.escape(step, 40)), escape(tables.escape(reason, 60)), f"{count:,}")
    if rest := rows[MOST_REASONS:]:
        table.add_row("", f"{len(rest):,} more", f"{sum(count for _, _, count in rest):,}")
    return table if table.row_count else None


def warnings(left_out: Mapping[str, Drops]) -> list[str]:
    """A sentence for each source that lost more than half of its rows, in reading or in cleaning; safe to print."""
    return [
        line for name, found in left_out.items() for line in losses.warning_lines(found.losing_sources(), LEDGERS[name])
    ]


def _step_order(root: Path) -> list[str]:
    try:
        return drops.step_order(params.load(root / SETTINGS).cleaned_data)
    except PickwiseError:
        return []


def checks(root: Path) -> Table:
    """What each check of the present subset found."""
    verdict = read_json(root / "data" / "reports" / "checks.json") or {"checks": []}
    table = Table(title="Checks", title_justify="left")
    table.add_column("check")
    table.add_column("")
    table.add_column("what it found")
    for check in verdict["checks"]:
        failed = "[yellow]warning[/yellow]" if check["severity"] == "WARN" else "[red]failed[/red]"
        mark = "[green]passed[/green]" if check["passed"] else failed
        table.add_row(check["name"], mark, escape(check["summary"]))
    return table


def _version(console: Console, outcome: Outcome) -> None:
    facts = outcome.metadata.get("subset_version")
    if facts is None:
        why = "a check failed" if outcome.blocked else "see above"
        console.print(f"\n[bold red]No version was made:[/bold red] {why}.")
        if outcome.blocked:
            console.print("  data/selected_subset holds the subset that failed; earlier versions are as they were")
            console.print("  checks    data/reports/checks.html")
        return
    new = "registered" if facts["new"] else "already registered"
    console.print(
        f"\n[bold]{escape(facts['tag'])}[/bold] {new}: {escape(facts['summary'])} ({escape(facts['why'])})",
        soft_wrap=True,
    )
    # Not wrapped: these are to be copied.
    for title, text in (
        ("train on", "data/selected_subset/subset.jsonl"),
        ("reasons", "data/selected_subset/subset.parquet"),
        ("checks", "data/reports/checks.html"),
        ("anywhere", facts["fetch"]),
        ("look", "make ui"),
    ):
        console.print(f"  {title:<10}{escape(text)}", soft_wrap=True, highlight=False)

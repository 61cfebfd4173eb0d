"""The report of the checks as one page that needs no network: verdict, sentences, groups, and the Data Docs."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from assets.tables import escape
from assets.verdict import CheckOutcome, GroupShares
from orchestration.comparisons import percent

MOST_ROWS = 200  # of a table of groups

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2733 }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.passed { color: #1a7f4b } .failed { color: #b3261e } .warning { color: #8a5a00 }
table { border-collapse: collapse; margin-top: .5rem } th, td { padding: .15rem .8rem; text-align: right }
th { border-bottom: 1px solid #b8c4ce }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left }
"""


def page(outcomes: Sequence[CheckOutcome], links: Sequence[str]) -> str:
    """The page as HTML; `links` are the addresses of Data Docs, relative to it. Every text of a record is escaped."""
    states = [state(outcome) for outcome in outcomes]
    worst = next((each for each in ("failed", "warning") if each in states), "passed")
    verdict = {
        "failed": "No version: a check failed",
        "warning": f"No check blocks a version, {states.count('warning')} of {len(states)} with a warning",
        "passed": "All checks passed",
    }[worst]
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Checks of the subset</title>',
        f"<style>{_STYLE}</style><h1 class={worst}>{verdict}</h1>",
        *(_section(outcome) for outcome in outcomes),
    ]
    if links:
        items = "".join(f'<li><a href="{html.escape(link)}">{html.escape(link)}</a></li>' for link in links)
        parts.append(f"<h2>Data Docs of Great Expectations</h2><ul>{items}</ul>")
    return "\n".join(parts) + "\n</html>\n"


def state(outcome: CheckOutcome) -> str:
    """One word: passed, failed or, where it blocks nothing, warning."""
    return "passed" if outcome.passed else "failed" if outcome.severity == "ERROR" else "warning"


def links(reports: Path, docs: Path) -> list[str]:
    """The pages of results below the folder of Data Docs, relative to the folder of the reports."""
    return sorted(path.relative_to(reports).as_posix() for path in docs.glob("validations/**/*.html"))


def _section(outcome: CheckOutcome) -> str:
    title = f"<h2>{_text(outcome.name)}: <span class={state(outcome)}>{state(outcome)}</span></h2>"
    return f"{title}<p>{_text(outcome.summary)}</p>{_table(outcome.table)}"


def _table(rows: Sequence[GroupShares]) -> str:
    if not rows:
        return ""
    names = ("column", "group", "pool", "target", "subset", "difference")
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in _cells(row))}</tr>" for row in rows[:MOST_ROWS])
    more = f"<p>and {len(rows) - MOST_ROWS:,} more groups</p>" if len(rows) > MOST_ROWS else ""
    return f"<table><tr>{head}</tr>{body}</table>{more}"


def _cells(row: GroupShares) -> list[str]:
    shares = [percent(share) for share in (row.pool, row.target, row.subset)]
    return [row.column, row.group, *shares, f"{100 * row.difference:+.1f}"]


def _text(text: str) -> str:
    return html.escape(escape(text, 2000))

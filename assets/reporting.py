"""What an asset tells people about its table, apart from Dagster: figures, a preview, pictures and DVC metrics.

A report is plain data, so that it can be kept beside a table and told again when the table is reused.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg
import pyarrow as pa

from assets.tables import escape

PREVIEW_ROWS = 10
FIRST = ("rank", "label", "gain", "reason", "messages")
Cell = str | int | float | None


@dataclass(frozen=True)
class Report:
    """What is worth saying about one table.

    `facts` describe the table; `work` says what this very run did (rows embedded, seconds) and is not kept; `warnings`
    are sentences to say loudly; `meanings` says of columns what they measure; `metrics` and `curves` (rows by file
    name) are written for `dvc metrics` and `dvc plots`; `pictures` are PNGs in base64.
    """

    rows: int
    facts: dict[str, Any] = field(default_factory=dict)
    work: dict[str, Any] = field(default_factory=dict)
    preview: list[dict[str, Cell]] = field(default_factory=list)
    schema: list[tuple[str, str]] = field(default_factory=list)
    meanings: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Cell]]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, list[dict[str, Cell]]] = field(default_factory=dict)

    def kept(self) -> dict[str, Any]:
        """The part that stays true when the table is used again, as JSON."""
        return {**asdict(self), "work": {}}

    @classmethod
    def restored(cls, kept: Mapping[str, Any], work: Mapping[str, Any]) -> Report:
        """A kept report, with what this run did."""
        schema = [(name, kind) for name, kind in kept["schema"]]
        return cls(**{**kept, "schema": schema, "work": dict(work)})


def picture(png: bytes) -> str:
    """PNG bytes as the text that a report keeps."""
    return base64.b64encode(png).decode("ascii")


def columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """The schema as names and types."""
    return [(column.name, str(column.type)) for column in schema]


def preview(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Cell]]:
    """The first rows as cells that are safe to look at: texts escaped and cut, messages as one line each.

    What people look for comes first, so that it is in sight.
    """
    return [
        {name: _cell(row[name]) for name in sorted(row, key=lambda name: name not in FIRST)}
        for row in rows[:PREVIEW_ROWS]
    ]


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list) and value and isinstance(value[0], dict) and "content" in value[0]:
        return escape(" ⏎ ".join(f"{turn['role']}: {turn['content']}" for turn in value), 240)
    if isinstance(value, list) and all(isinstance(item, tuple) and len(item) == 2 for item in value):
        return escape(", ".join(f"{name}={text}" for name, text in value), 240)
    return escape(value if isinstance(value, str) else str(value), 240)


def metadata(report: Report, folder: str) -> dict[str, Any]:
    """The report as Dagster metadata."""
    entries: dict[str, Any] = {"dagster/row_count": report.rows, "path": dg.MetadataValue.path(folder)}
    if report.warnings:
        entries["⚠ warning"] = dg.MetadataValue.text("\n".join(report.warnings))
    for name, value in {**report.work, **report.facts}.items():
        entries[name] = dg.MetadataValue.text(value) if isinstance(value, str) else value
    if report.schema:
        columns = [dg.TableColumn(name, kind, report.meanings.get(name)) for name, kind in report.schema]
        entries["dagster/column_schema"] = dg.TableSchema(columns)
    if report.preview:
        entries["preview"] = dg.MetadataValue.md(markdown_table(report.preview))
    for name, counts in report.counts.items():
        rows: list[dict[str, Cell]] = [{name: escape(k, 80), "rows": v} for k, v in counts.items()]
        entries[f"rows by {name}"] = dg.MetadataValue.md(markdown_table(rows) if rows else "none")
    for name, table in report.tables.items():
        entries[name] = dg.MetadataValue.md(markdown_table(table) if table else "none")
    for name, png in report.pictures.items():
        entries[name] = dg.MetadataValue.md(f"![{name}](data:image/png;base64,{png})")
    return entries


def markdown_table(rows: Sequence[Mapping[str, Cell]]) -> str:
    """A Markdown table; nothing in a cell can break out of it or be read as markup."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_markdown(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _markdown(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    text = escape(value, 400)
    # Character references are the one way of writing these that Markdown never interprets.
    return "".join(f"&#{ord(c)};" if c in "|<>&`*_[]()!#\\~:@" else c for c in text)

"""How an asset's table comes to be: reused if nothing it depends on has changed, else produced and swapped in whole.

What a table depends on is its asset's code, the packages behind it, its section of the settings, the content of its
upstream tables, and, for the first asset, the content of the sources. Their hash is the table's fingerprint.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from assets import code, reporting, tables
from assets.errors import PickwiseError
from assets.reporting import Report
from assets.workspace import Workspace, read_json

Produce = Callable[[Path], Report]

MENDABLE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}

MEMORIES = 50  # earlier states of a table that are known again, after a roll back for one; each takes some 100 KB


@contextmanager
def one_line_failures() -> Iterator[None]:
    """Turn an error that the user can mend into a Dagster failure that says just that line, and is not retried.

    A full disk or a folder that may not be written is one of those.
    """
    try:
        yield
    except PickwiseError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None
    except OSError as error:
        if error.errno not in MENDABLE:
            raise
        where = f"{error.filename}: " if error.filename else ""
        raise dg.Failure(
            description=f"{where}{error.strerror}; make room or give access, then run again", allow_retries=False
        ) from None


def materialize(
    workspace: Workspace,
    name: str,
    produce: Produce,
    upstream: Sequence[str] = (),
    settings: Sequence[str] = (),
    extra: str = "",
    idle: dict[str, Any] | None = None,
) -> dg.MaterializeResult[None]:
    """Make sure that `data/<name>` holds what its inputs call for, and report it.

    `produce` writes the table into an empty folder and returns its report. `settings` are the sections (besides the
    seed) that it reads; `extra` is anything else it depends on; `idle` is the work to report when nothing had to be
    done. Raises `dg.Failure` with one line for what a user can mend.
    """
    with one_line_failures():
        started = time.monotonic()
        folder = workspace.table(name)
        tables.recover(folder)
        fingerprint = _fingerprint(workspace, name, upstream, settings, extra)
        report = _reusable(workspace, name, fingerprint, idle or {})
        if report is None:
            with tables.replacing(folder) as fresh:
                report = produce(fresh)
            content = workspace.content_hash(name)
            _remember(_memory(workspace, name, fingerprint), content, report)
        _write_metrics(workspace, name, report)
        for warning in report.warnings:
            dg.get_dagster_logger().warning(warning)
        seconds = {"seconds": round(time.monotonic() - started, 2)}
        return dg.MaterializeResult(
            metadata={**reporting.metadata(report, f"data/{name}"), **seconds},
            data_version=dg.DataVersion(workspace.content_hash(name)),
        )


def is_up_to_date(
    workspace: Workspace, name: str, upstream: Sequence[str] = (), settings: Sequence[str] = (), extra: str = ""
) -> bool:
    """Whether `data/<name>` is what `materialize` with the same arguments would leave as it is."""
    fingerprint = _fingerprint(workspace, name, upstream, settings, extra)
    return _reusable(workspace, name, fingerprint, {}) is not None


def _fingerprint(workspace: Workspace, name: str, upstream: Sequence[str], settings: Sequence[str], extra: str) -> str:
    sections = workspace.params.model_dump(mode="json", include={"seed", *settings})
    parts = {
        "code": code.code_version(name),
        "packages": code.package_versions(),
        "settings": sections,
        "upstream": {table: workspace.content_hash(table) for table in upstream},
        "extra": extra,
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _memory(workspace: Workspace, name: str, fingerprint: str) -> Path:
    return workspace.home / "tables" / name / f"{fingerprint}.json"


def _remember(path: Path, content: str, report: Report) -> None:
    # The order of a report's columns and counts is that in which people see them.
    tables.write_json(path, {"content": content, "report": report.kept()}, sort_keys=False)
    newest = sorted(path.parent.glob("*.json"), key=lambda other: other.stat().st_mtime, reverse=True)
    for other in newest[MEMORIES:]:
        other.unlink(missing_ok=True)


def _reusable(workspace: Workspace, name: str, fingerprint: str, idle: dict[str, Any]) -> Report | None:
    known = read_json(_memory(workspace, name, fingerprint))
    folder = workspace.table(name)
    # The content is compared, not trusted: a table that was edited or rolled back is produced again.
    if not known or not folder.is_dir() or known.get("content") != workspace.content_hash(name):
        return None
    return Report.restored(known["report"], {"reused": "yes: nothing it depends on has changed", **idle})


def _write_metrics(workspace: Workspace, name: str, report: Report) -> None:
    if report.metrics:
        tables.write_json(workspace.metrics / f"{name}.json", report.metrics)
    for file, rows in report.curves.items():
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["empty"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        tables.write_text(workspace.metrics / file, text.getvalue())

"""Judging a subset: the tables in; the outcome of every check, Data Docs and the verdict out.

What belongs here: deciding what is compared with what, and turning results into outcomes. It knows nothing of Dagster.
What was asked for is `asked.py`; reading and counting, `subset_rows.py` and `groups.py`; the sentences are
`comparisons.py` and `remedies.py`; what Great Expectations sees is `expectations.py`.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from assets import tables, verdict
from assets.check_params import Bias
from assets.params import Params
from assets.tables import escape
from assets.verdict import CheckOutcome
from assets.workspace import Workspace
from orchestration import comparisons, expectations, groups, remedies, report_page, subset_rows
from orchestration.asked import MANIFEST, Asked
from orchestration.comparisons import AGAIN, Comparison, listed, number
from orchestration.groups import NO_VALUE, Groups, length_bands

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

ASSET = "selected_subset"
CHECKS = {
    "record_schema": "Every row is a whole record: columns, unique ids, ranks 1 to n, a gain, messages, known roles.",
    "class_balance": "The classes have the shares that were asked for, as far as chance allows, and none is missing. "
    "A warning only where no shares were asked for.",
    "bias": "Source, length and declared attributes are spread as in the pool, or as a quota asks, and no large group "
    "is missing. A warning only where other rows than those of the pool were asked for.",
}
DOCS = "checks"  # the folder of Data Docs among the reports
PAGE = "checks.html"  # what people open
MOST_GROUPS = 50  # an attribute with more distinct values than this is closer to an identifier than to a group

Severity = Literal["ERROR", "WARN"]


def run_checks(workspace: Workspace) -> list[CheckOutcome]:
    """Judge the present subset; write `data/reports/checks.html`, `checks.json` and `checks/` (Data Docs).

    Raises `DataError` for settings that do not fit the pool. Memory: the subset, one batch of the pool, and a number
    for each of its rows.
    """
    subset_hash = workspace.content_hash(ASSET)
    docs = workspace.reports / DOCS
    # Until these checks are through there is no verdict and no report: old ones must not outlive other settings.
    for name in (verdict.FILE, PAGE):
        (workspace.reports / name).unlink(missing_ok=True)
    if docs.exists():
        shutil.rmtree(docs)
    folder = workspace.require(ASSET)
    asked = Asked.read(folder)
    subset, unreadable = subset_rows.read(folder / "subset.parquet", asked is not None and asked.in_tokens)
    if subset is None or asked is None:
        why = unreadable or f"{MANIFEST} is missing or damaged; {AGAIN}"
        outcomes = [CheckOutcome(name, False, "ERROR", why, {}) for name in CHECKS]
    else:
        pool = Groups.of(tables.batches(workspace.require("cleaned_data"), groups.COLUMNS))
        outcomes = judge(subset, pool, asked, workspace.params, docs)
    page = report_page.page(outcomes, report_page.links(workspace.reports, docs))
    tables.write_text(workspace.reports / PAGE, page)
    verdict.write(workspace.reports / verdict.FILE, subset_hash, outcomes)
    return outcomes


# -- judging ---------------------------------------------------------------------------------------------------------


def judge(table: pa.Table, pool: Groups, asked: Asked, params: Params, docs: Path) -> list[CheckOutcome]:
    """The outcome of every check on a readable subset; writes Data Docs into `docs`.

    Raises `DataError` for settings that do not fit the pool.
    """
    checks = params.checks
    subset = Groups.of(table.select(groups.COLUMNS).to_batches())
    values = groups.values_by_row(table, length_bands(pool, subset, checks.bias))
    # An attribute of the pool that no row of the subset has is compared all the same.
    nowhere = [NO_VALUE] * table.num_rows
    tokens = table.column("tokens").to_pylist() if asked.in_tokens else None

    def tokens_by(column: str) -> Mapping[str, int] | None:
        return None if tokens is None else groups.added(values.get(column, nowhere), tokens)

    by_label = pool.labelled
    class_settings = checks.class_balance
    if not by_label and isinstance(class_settings.target, str):
        class_settings = class_settings.model_copy(update={"target": "pool"})
    seats = asked.seats("label")
    classes = comparisons.compare_classes(pool.label, subset.label, class_settings, seats, tokens_by("label"))
    others, notes = compare_others(pool, subset, checks.bias, asked, tokens_by)

    frame = expectations.as_frame(table, [(each, values.get(each.column, nowhere)) for each in [classes, *others]])
    derived = [name for name in frame.columns if name not in table.schema.names]
    suites = {
        "record_schema": expectations.record_schema_suite([*tables.SUBSET.names, *derived], asked.rows),
        "class_balance": expectations.class_balance_suite(classes),
        "bias": expectations.bias_suite(others),
    }
    results = expectations.validate(frame, suites, docs)
    return [
        record_outcome(results["record_schema"], table.num_rows, asked.differs_in(params.selected_subset)),
        class_outcome(results["class_balance"], classes, params, by_label, seats),
        bias_outcome(results["bias"], others, params, notes),
    ]


def compare_others(
    pool: Groups, subset: Groups, settings: Bias, asked: Asked, tokens_by: Callable[[str], Mapping[str, int] | None]
) -> tuple[list[Comparison], list[str]]:
    """Source, length band and attributes, and a note for each attribute that is not compared.

    Each is compared with the pool or, where a quota governs it, with its seats; in tokens, where the seats are:
    `tokens_by` gives those of the subset by the groups of a column.
    """
    bands = [Counter(length_bands(pool, groups, settings)) for groups in (pool, subset)]
    source = asked.seats("source")
    compared = [
        comparisons.compare_to_pool(
            "source", "source", pool.source, subset.source, settings, source, tokens_by("source")
        ),
        comparisons.compare_to_pool("length_band", "length band", bands[0], bands[1], settings),
    ]
    notes = []
    for key in sorted({*pool.attributes, *subset.attributes}):
        values, column, seats = pool.values_of(key), groups.attribute_column(key), asked.seats_of_attribute(key)
        if len(values) > MOST_GROUPS and seats is None:
            notes.append(f"attribute '{escape(key, 60)}' is not checked: it has {len(values):,} different values")
            continue
        # An attribute may be called "source" too; each column needs a title of its own.
        title = escape(column if key in {each.title for each in compared} else key, 60)
        of_subset, tokens = subset.values_of(key), tokens_by(column)
        compared.append(comparisons.compare_to_pool(column, title, values, of_subset, settings, seats, tokens))
    return compared, notes


# -- outcomes --------------------------------------------------------------------------------------------------------


def record_outcome(result: ExpectationSuiteValidationResult, rows: int, changed: Sequence[str]) -> CheckOutcome:
    """Whether every row is a whole record, and chosen by the settings of now; `changed`: those that are others."""
    faults = expectations.record_problems(result)
    if changed:
        named = listed([f"selected_subset.{escape(key, 60)}" for key in changed], "and")
        faults.append(f"chosen by other settings than those of now: {named}")
    summary = f"{rows:,} whole {'record' if rows == 1 else 'records'}"
    return _outcome("record_schema", result, faults, AGAIN, summary, {"rows": rows})


def class_outcome(
    result: ExpectationSuiteValidationResult,
    classes: Comparison,
    params: Params,
    labelled: bool,
    seats: Mapping[str, int] | None,
) -> CheckOutcome:
    """Whether the classes are balanced as was asked; a warning where neither a quota nor a target asks for anything."""
    settings, target = params.selected_subset, params.checks.class_balance.target
    faults = comparisons.problems(classes)
    remedy = remedies.class_remedy(classes, target, settings, seats) if faults else ""
    divergence = f"divergence {number(classes.divergence)}, at most {number(classes.bound)}"
    summary = f"all {len(classes.required):,} classes are present; {divergence}" if labelled else "no labels"
    facts = {"classes": len(classes.required), "missing": len(classes.missing), **_divergence(classes)}
    is_owed = seats is not None or target != "auto"
    excuse = "" if is_owed else remedies.why_classes_only_warn(settings)
    return _outcome("class_balance", result, faults, remedy, summary, facts, [classes], excuse)


def bias_outcome(
    result: ExpectationSuiteValidationResult, others: Sequence[Comparison], params: Params, notes: Sequence[str]
) -> CheckOutcome:
    """Whether the other columns are spread as was asked; a warning where rows unlike those of the pool were."""
    settings = params.selected_subset
    off = [(comparison, found) for comparison in others if (found := comparisons.problems(comparison))]
    faults = [fault for _, found in off for fault in found]
    remedy = remedies.bias_remedy([comparison for comparison, _ in off], settings)
    each = ", ".join(f"{c.title} {number(c.divergence)} (at most {c.bound:.3g})" for c in others)
    summary = "; ".join([f"divergence from the pool: {each}", *notes])
    facts = {"columns": {c.title: _divergence(c) for c in others}, "notes": list(notes)}
    excuse = "" if settings.asks_for_likeness else remedies.why_bias_only_warns(settings)
    return _outcome("bias", result, faults, remedy, summary, facts, others, excuse)


def _outcome(
    name: str,
    result: ExpectationSuiteValidationResult,
    faults: Sequence[str],
    remedy: str,
    summary: str,
    facts: Mapping[str, Any],
    compared: Sequence[Comparison] = (),
    excuse: str = "",
) -> CheckOutcome:
    """`excuse`: why faults block nothing; none where they do."""
    # A subset of another pool is nobody's wish.
    severity: Severity = "WARN" if excuse and not any(each.unknown for each in compared) else "ERROR"
    if not result.success and not faults:
        # A suite that fails for a reason the sentences do not know must not pass.
        failed = sorted({config.type for config, _ in expectations.failures(result)})
        faults, remedy, severity = [f"failed: {', '.join(failed)}"], "see the Data Docs", "ERROR"
    passed = not faults
    shares = tuple(row for comparison in compared for row in comparisons.group_shares(comparison))
    said = summary if passed else f"{'; '.join(faults)}; {remedy}"
    if not passed and severity == "WARN":
        said = f"{'; '.join(faults)}; {excuse}; if it is not wanted: {remedy}"
    return CheckOutcome(name, passed, severity, said, facts, shares)


def _divergence(comparison: Comparison) -> dict[str, float | None]:
    finite = math.isfinite(comparison.divergence)
    return {"divergence": comparison.divergence if finite else None, "bound": comparison.bound}

"""Judging a subset: the tables in; the outcome of every check, Data Docs and the verdict out.

What belongs here: deciding what is compared with what, and turning results into outcomes. It knows nothing of Dagster.
Counting is `groups.py`; the sentences are `comparisons.py`; what Great Expectations sees is `expectations.py`.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from assets import tables, verdict
from assets.methods import balance
from assets.params import Bias, Params
from assets.selected_subset import resolve_budget
from assets.tables import escape
from assets.verdict import CheckOutcome
from assets.workspace import Workspace
from orchestration import comparisons, expectations, groups, report_page
from orchestration.comparisons import AGAIN, Comparison, number
from orchestration.groups import NO_VALUE, Groups, length_bands

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

ASSET = "selected_subset"
CHECKS = {
    "record_schema": "Every row is a whole record: columns, unique ids, ranks 1 to n, a gain, messages, known roles.",
    "class_balance": "The classes have the shares that were asked for, as far as chance allows, and none is missing.",
    "bias": "Source, length and declared attributes are spread as in the pool, and no large group is missing.",
}
DOCS = "checks"  # the folder of Data Docs among the reports
PAGE = "checks.html"  # what people open
MOST_GROUPS = 50  # an attribute with more distinct values than this is closer to an identifier than to a group

_FILLED = ("source", "messages")  # columns that are counted and may have no nulls


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
    subset, unreadable = _read(workspace.require(ASSET) / "subset.parquet")
    if subset is None:
        outcomes = [CheckOutcome(name, False, "ERROR", unreadable, {}) for name in CHECKS]
    else:
        pool = Groups.of(tables.batches(workspace.require("cleaned_data"), groups.COLUMNS))
        outcomes = judge(subset, pool, workspace.params, docs)
    page = report_page.page(outcomes, report_page.links(workspace.reports, docs))
    tables.write_text(workspace.reports / PAGE, page)
    verdict.write(workspace.reports / verdict.FILE, subset_hash, outcomes)
    return outcomes


def _read(path: Path) -> tuple[pa.Table | None, str]:
    """The subset, or None and why it cannot be compared with anything."""
    try:
        with pq.ParquetFile(path) as file:
            subset = file.read()
    except (OSError, pa.ArrowInvalid):
        return None, f"{path.name} is missing or damaged; {AGAIN}"
    for column in tables.SUBSET:
        if column.name not in subset.schema.names:
            if column.name in groups.COLUMNS:
                return None, f"{path.name} has no column '{column.name}'; {AGAIN}"
            continue  # the record schema will say so
        found = subset.schema.field(column.name).type
        if found != column.type:
            return None, f"{path.name}: column '{column.name}' is {found}, expected {column.type}; {AGAIN}"
        if column.name in _FILLED and _has_nulls(subset.column(column.name).combine_chunks()):
            return None, f"{path.name}: column '{column.name}' has nulls; {AGAIN}"
    return (subset, "") if subset.num_rows else (None, "the subset has no rows; raise selected_subset.budget")


def _has_nulls(values: pa.Array) -> bool:
    """Whether there are nulls in `values` or in what they are made of."""
    if pa.types.is_list(values.type):
        inner = [values.flatten()]
    else:
        inner = values.flatten() if pa.types.is_struct(values.type) else []
    return values.null_count > 0 or any(map(_has_nulls, inner))


# -- judging ---------------------------------------------------------------------------------------------------------


def judge(table: pa.Table, pool: Groups, params: Params, docs: Path) -> list[CheckOutcome]:
    """The outcome of every check on a readable subset; writes Data Docs into `docs`.

    Raises `DataError` for settings that do not fit the pool.
    """
    settings, checks = params.selected_subset, params.checks
    subset = Groups.of(table.select(groups.COLUMNS).to_batches())
    by_label = pool.labelled
    budget = resolve_budget(settings.budget, pool.rows)
    # Where there are no labels, the quota is one of sources.
    seats = balance.apportion(pool.label if by_label else pool.source, settings.quota, budget).seats
    class_settings = checks.class_balance
    if not by_label and isinstance(class_settings.target, str):
        class_settings = class_settings.model_copy(update={"target": "pool"})
    classes = comparisons.compare_classes(pool.label, subset.label, class_settings, settings.quota)
    others, notes = compare_others(pool, subset, checks.bias, None if by_label else seats)

    values = groups.values_by_row(table, length_bands(pool, subset, checks.bias))
    # An attribute of the pool that no row of the subset has is compared all the same.
    nowhere = [NO_VALUE] * table.num_rows
    frame = expectations.as_frame(table, [(each, values.get(each.column, nowhere)) for each in [classes, *others]])
    derived = [name for name in frame.columns if name not in table.schema.names]
    suites = {
        "record_schema": expectations.record_schema_suite([*tables.SUBSET.names, *derived], sum(seats.values())),
        "class_balance": expectations.class_balance_suite(classes),
        "bias": expectations.bias_suite(others),
    }
    results = expectations.validate(frame, suites, docs)
    return [
        record_outcome(results["record_schema"], table.num_rows),
        class_outcome(results["class_balance"], classes, params, by_label),
        bias_outcome(results["bias"], others, params, notes),
    ]


def compare_others(
    pool: Groups, subset: Groups, settings: Bias, source_seats: Mapping[str, int] | None
) -> tuple[list[Comparison], list[str]]:
    """Source, length band and attributes against the pool, and a note for each attribute that is not compared.

    `source_seats`: what the quota asks of the sources, where it is one of sources; their target then.
    """
    bands = [Counter(length_bands(pool, groups, settings)) for groups in (pool, subset)]
    compared = [
        comparisons.compare_to_pool("source", "source", pool.source, subset.source, settings, source_seats),
        comparisons.compare_to_pool("length_band", "length band", bands[0], bands[1], settings),
    ]
    notes = []
    for key in sorted({*pool.attributes, *subset.attributes}):
        values, column = pool.values_of(key), groups.attribute_column(key)
        if len(values) > MOST_GROUPS:
            notes.append(f"attribute '{escape(key, 60)}' is not checked: it has {len(values):,} different values")
            continue
        # An attribute may be called "source" too; each column needs a title of its own.
        title = escape(column if key in {each.title for each in compared} else key, 60)
        compared.append(comparisons.compare_to_pool(column, title, values, subset.values_of(key), settings))
    return compared, notes


# -- outcomes --------------------------------------------------------------------------------------------------------


def record_outcome(result: ExpectationSuiteValidationResult, rows: int) -> CheckOutcome:
    """Whether every row is a whole record."""
    faults = expectations.record_problems(result)
    summary = f"{rows:,} whole {'record' if rows == 1 else 'records'}"
    return _outcome("record_schema", result, faults, AGAIN, summary, {"rows": rows})


def class_outcome(
    result: ExpectationSuiteValidationResult, classes: Comparison, params: Params, labelled: bool
) -> CheckOutcome:
    """Whether the classes are balanced as was asked."""
    settings = params.selected_subset
    faults = comparisons.problems(classes)
    remedy = (
        comparisons.class_remedy(classes, params.checks.class_balance.target, settings.quota, settings.noise_filter)
        if faults
        else ""
    )
    divergence = f"divergence {number(classes.divergence)}, at most {number(classes.bound)}"
    summary = f"all {len(classes.required):,} classes are present; {divergence}" if labelled else "no labels"
    facts = {"classes": len(classes.required), "missing": len(classes.missing), **_divergence(classes)}
    return _outcome("class_balance", result, faults, remedy, summary, facts, [classes])


def bias_outcome(
    result: ExpectationSuiteValidationResult, others: Sequence[Comparison], params: Params, notes: Sequence[str]
) -> CheckOutcome:
    """Whether the other columns are spread as in the pool."""
    off = [(comparison, found) for comparison in others if (found := comparisons.problems(comparison))]
    faults = [fault for _, found in off for fault in found]
    remedy = comparisons.bias_remedy([comparison for comparison, _ in off], params.selected_subset.quota)
    each = ", ".join(f"{c.title} {number(c.divergence)} (at most {c.bound:.3g})" for c in others)
    summary = "; ".join([f"divergence from the pool: {each}", *notes])
    facts = {"columns": {c.title: _divergence(c) for c in others}, "notes": list(notes)}
    return _outcome("bias", result, faults, remedy, summary, facts, others)


def _outcome(
    name: str,
    result: ExpectationSuiteValidationResult,
    faults: Sequence[str],
    remedy: str,
    summary: str,
    facts: Mapping[str, Any],
    compared: Sequence[Comparison] = (),
) -> CheckOutcome:
    if not result.success and not faults:
        # A suite that fails for a reason the sentences do not know must not pass.
        failed = sorted({config.type for config, _ in expectations.failures(result)})
        faults, remedy = [f"failed: {', '.join(failed)}"], "see the Data Docs"
    passed = not faults
    shares = tuple(row for comparison in compared for row in comparisons.group_shares(comparison))
    said = summary if passed else f"{'; '.join(faults)}; {remedy}"
    return CheckOutcome(name, passed, "ERROR", said, facts, shares)


def _divergence(comparison: Comparison) -> dict[str, float | None]:
    finite = math.isfinite(comparison.divergence)
    return {"divergence": comparison.divergence if finite else None, "bound": comparison.bound}

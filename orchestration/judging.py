"""Judging a subset: the tables in; the outcome of every check, Data Docs and the verdict out.

What belongs here: counting rows by group, deciding what is compared with what, and turning results into outcomes.
It knows nothing of Dagster. The sentences are `comparisons.py`; the frame and the suites, `expectations.py`.
"""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets import tables, verdict
from assets.cleaned_data import lengths
from assets.methods import balance
from assets.params import Bias, Params
from assets.selected_subset import NO_LABEL, resolve_budget
from assets.tables import escape
from assets.verdict import CheckOutcome
from assets.workspace import Workspace
from orchestration import comparisons, expectations
from orchestration.comparisons import AGAIN, Comparison, number

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

ASSET = "selected_subset"
CHECKS = ("record_schema", "class_balance", "bias")
DOCS = "checks"  # the folder of Data Docs among the reports
NO_VALUE = "(none)"
MOST_GROUPS = 50  # an attribute with more distinct values than this is closer to an identifier than to a group

_READ = ("source", "label", "attributes", "messages")
_FILLED = ("source", "messages")  # of these, the columns that may have no nulls
_ENTRIES = pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", pa.string())]))


def run_checks(workspace: Workspace) -> list[CheckOutcome]:
    """Judge the present subset; write `data/reports/checks/` (Data Docs) and `data/reports/checks.json`.

    Raises `DataError` for settings that do not fit the pool. Memory: the subset, one batch of the pool, and a number
    for each of its rows.
    """
    subset_hash = workspace.content_hash(ASSET)
    docs = workspace.reports / DOCS
    # Until these checks are through there is neither verdict nor report: old ones must not outlive a change of the
    # settings.
    (workspace.reports / verdict.FILE).unlink(missing_ok=True)
    shutil.rmtree(docs, ignore_errors=True)
    subset, unreadable = _read(workspace.require(ASSET) / "subset.parquet")
    if subset is None:
        outcomes = [CheckOutcome(name, False, "ERROR", unreadable, {}) for name in CHECKS]
    else:
        pool = Groups.of(tables.batches(workspace.require("cleaned_data"), _READ))
        outcomes = judge(subset, pool, workspace.params, docs)
    verdict.write(workspace.reports / verdict.FILE, subset_hash, outcomes)
    return outcomes


def _read(path: Path) -> tuple[pa.Table | None, str]:
    """The subset, or None and why it cannot be compared with anything."""
    try:
        with pq.ParquetFile(path) as file:
            subset = file.read()
    except (OSError, pa.ArrowInvalid):
        return None, f"{path.name} is missing or damaged; {AGAIN}"
    names = subset.schema.names
    for name in _READ:
        wanted = tables.SUBSET.field(name).type
        if names.count(name) != 1:
            return None, f"{path.name} has {'more than one' if name in names else 'no'} column '{name}'; {AGAIN}"
        found = subset.schema.field(name).type
        if found != wanted:
            return None, f"{path.name}: column '{name}' is {found}, expected {wanted}; {AGAIN}"
        if name in _FILLED and (nulls := _nulls(subset.column(name).combine_chunks())):
            return None, f"{path.name}: column '{name}' has {nulls:,} nulls; {AGAIN}"
    return (subset, "") if subset.num_rows else (None, "the subset has no rows; raise selected_subset.budget")


def _nulls(values: pa.Array) -> int:
    """Nulls in `values` and in what they are made of."""
    parts: list[pa.Array] = []
    if pa.types.is_list(values.type) or pa.types.is_struct(values.type):
        flat = values.flatten()
        parts = flat if isinstance(flat, list) else [flat]
    return int(values.null_count) + sum(map(_nulls, parts))


# -- counting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Groups:
    """Rows by group in each column that is compared, and the length of every row."""

    label: Mapping[str, int]
    source: Mapping[str, int]
    attributes: Mapping[str, Mapping[str, int]]
    lengths: np.ndarray

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lengths)

    @property
    def labelled(self) -> bool:
        """Whether any row has a label."""
        return any(name != NO_LABEL for name in self.label)

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch]) -> Groups:
        """Count batches with the columns source, label, attributes and messages."""
        label: Counter[str] = Counter()
        source: Counter[str] = Counter()
        attributes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        sizes: list[np.ndarray] = []
        for batch in batches:
            label.update(_filled(batch.column("label"), NO_LABEL))
            source.update(batch.column("source").to_pylist())
            for key, values in attribute_values(batch.column("attributes")).items():
                attributes[key].update(value for value in values if value != NO_VALUE)
            sizes.append(lengths(batch.column("messages")))
        rows = label.total()
        for counted in attributes.values():
            if rows > counted.total():
                counted[NO_VALUE] = rows - counted.total()
        return cls(label, source, dict(attributes), np.concatenate(sizes) if sizes else np.empty(0, np.int64))

    def values_of(self, key: str) -> Mapping[str, int]:
        """Rows by value of an attribute, which no row may have."""
        return self.attributes.get(key, {NO_VALUE: self.rows})


def attribute_values(attributes: pa.Array) -> dict[str, list[str]]:
    """The value of each attribute that occurs, aligned by row; "(none)" where a row does not have it."""
    keys = pc.unique(pc.struct_field(pc.list_flatten(attributes.cast(_ENTRIES)), "key")).to_pylist()
    return {
        key: _filled(pc.map_lookup(attributes, query_key=key, occurrence="first"), NO_VALUE) for key in sorted(keys)
    }


def _filled(values: pa.Array, name: str) -> list[str]:
    filled: list[str] = pc.fill_null(values, name).to_pylist()
    return filled


def length_bands(pool: Groups, of: Groups, settings: Bias) -> list[str]:
    """The band of each row's length, the bands being those of the pool."""
    return balance.length_band(of.lengths, balance.length_edges(pool.lengths, settings.length_bands))


# -- judging ---------------------------------------------------------------------------------------------------------


def judge(table: pa.Table, pool: Groups, params: Params, docs: Path) -> list[CheckOutcome]:
    """The outcome of every check on a readable subset; writes Data Docs into `docs`.

    Raises `DataError` for settings that do not fit the pool.
    """
    settings, checks = params.selected_subset, params.checks
    subset = Groups.of(table.select(_READ).to_batches())
    by_label = pool.labelled or subset.labelled
    budget = resolve_budget(settings.budget, pool.rows)
    # Where there are no labels, the quota is one of sources.
    seats = balance.apportion(pool.label if by_label else pool.source, settings.quota, budget).seats
    class_settings = checks.class_balance
    if not by_label and isinstance(class_settings.target, str):
        class_settings = class_settings.model_copy(update={"target": "pool"})
    classes = comparisons.compare_classes(pool.label, subset.label, class_settings, settings.quota)
    others, notes = compare_others(pool, subset, checks.bias, None if by_label else seats)

    compared = [classes, *others]
    frame = expectations.as_frame(table, compared, compared_values(table, compared, length_bands(pool, subset, checks.bias)))
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
        values, title = pool.values_of(key), escape(key, 60)
        if len(values) > MOST_GROUPS:
            notes.append(f"attribute '{title}' is not checked: it has {len(values):,} different values")
        else:
            column = f"attribute {key}"
            compared.append(comparisons.compare_to_pool(column, title, values, subset.values_of(key), settings))
    return compared, notes


# -- outcomes --------------------------------------------------------------------------------------------------------


def record_outcome(result: ExpectationSuiteValidationResult, rows: int) -> CheckOutcome:
    """Whether every row is a whole record."""
    faults = expectations.record_problems(result)
    summary = f"{rows:,} whole records"
    return _outcome("record_schema", result, faults, "materialize selected_subset again", summary, {"rows": rows})


def class_outcome(
    result: ExpectationSuiteValidationResult, classes: Comparison, params: Params, labelled: bool
) -> CheckOutcome:
    """Whether the classes are balanced as was asked."""
    settings = params.selected_subset
    faults = comparisons.problems(classes)
    remedy = faults and comparisons.class_remedy(
        classes, params.checks.class_balance.target, settings.quota, settings.noise_filter
    )
    divergence = f"divergence {number(classes.divergence)}, at most {number(classes.bound)}"
    summary = f"all {len(classes.required):,} classes are present; {divergence}" if labelled else "no labels"
    facts = {"classes": len(classes.required), "missing": len(classes.missing), **_divergence(classes)}
    return _outcome("class_balance", result, faults, remedy or "", summary, facts, [classes])


def bias_outcome(
    result: ExpectationSuiteValidationResult, others: Sequence[Comparison], params: Params, notes: Sequence[str]
) -> CheckOutcome:
    """Whether the other columns are spread as in the pool."""
    off = {comparison.title: found for comparison in others if (found := comparisons.problems(comparison))}
    faults = [fault for found in off.values() for fault in found]
    failing = [comparison for comparison in others if comparison.title in off]
    remedy = faults and comparisons.bias_remedy(failing, params.selected_subset.quota)
    each = ", ".join(f"{c.title} {number(c.divergence)} (at most {c.bound:.3g})" for c in others)
    summary = "; ".join([f"divergence from the pool: {each}", *notes])
    facts = {"columns": {c.title: _divergence(c) for c in others}, "notes": list(notes)}
    return _outcome("bias", result, faults, remedy or "", summary, facts, others)


def _outcome(
    name: str,
    result: ExpectationSuiteValidationResult,
    faults: Sequence[str],
    remedy: str,
    summary: str,
    facts: Mapping[str, Any],
    comparisons: Sequence[Comparison] = (),
) -> CheckOutcome:
    if not result.success and not faults:
        # A suite that fails for a reason the sentences do not know must not pass.
        failed = sorted({config.type for config, _ in expectations.failures(result)})
        faults, remedy = [f"failed: {', '.join(failed)}"], "see the Data Docs"
    passed = not faults
    shares = tuple(row for comparison in comparisons for row in comparisons.group_shares(comparison))
    said = summary if passed else f"{'; '.join(faults)}; {remedy}"
    return CheckOutcome(name, passed, "ERROR", said, facts, shares)


def _divergence(comparison: Comparison) -> dict[str, float | None]:
    finite = np.isfinite(comparison.divergence)
    return {"divergence": comparison.divergence if finite else None, "bound": comparison.bound}

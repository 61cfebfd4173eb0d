"""From settings and tables to what the optimiser takes: the pool after the filters, and what is wanted of it.

What belongs here: reading the columns that the settings name. Choosing is `methods/selecting`; writing what came of it
is `selected_subset`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from assets import encoding, likeness_memory, targets, token_counts
from assets.errors import DataError, PickwiseError, SettingsError
from assets.methods.quotas.margins import Quota
from assets.methods.selecting import filters as filtering
from assets.methods.selecting import scores as scoring
from assets.methods.selecting.ranking import Method
from assets.methods.selecting.select import Pool, Wanted
from assets.progress import Progress
from assets.selection_columns import Columns, Numbers
from assets.selection_params import CLASS, Filter, SelectedSubset, TokenBudget
from assets.tables import escape
from assets.targets import Likeness
from assets.versioning import VersionStore
from assets.workspace import Workspace

Mask = npt.NDArray[np.bool_]

SECTION = "selected_subset"
# What a preset takes in place of a score that no row has, the first that there is: what another model is unsure of, or
# else rows far from all that is typical, which a probe would most likely be unsure of.
_INSTEAD = {"entropy": ("token_entropy", "tag_entropy_mean", "distance")}
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Previous:
    """The subset that is started from: its version, and the ids of its rows."""

    tag: str
    version: str
    ids: frozenset[str]


@dataclass(frozen=True)
class Inputs:
    """What goes to the optimiser, and what never got there.

    `rows`: (m,) the rows of cleaned_data that the pool consists of. `removed`: for each other row why it is out: a
    countable reason and a sentence. `likeness`: of all rows of cleaned_data to each target. `tokens`: (n,) of all rows,
    where the budget is in tokens.
    """

    pool: Pool
    wanted: Wanted
    rows: npt.NDArray[np.int64]
    removed: Mapping[int, tuple[str, str]]
    likeness: Mapping[str, Likeness]
    tokens: npt.NDArray[np.int64] | None
    notes: tuple[str, ...]


def gather(
    columns: Columns,
    vectors: npt.NDArray[np.float32],
    settings: SelectedSubset,
    workspace: Workspace,
    progress: Progress,
    versions: VersionStore,
    previous: Previous | None,
    pool_hash: str,
) -> Inputs:
    """Filter the pool and bring scores, quotas and budget to the form that the optimiser takes.

    Raises `DataError` or `SettingsError` with the setting's path for what cannot be done.
    """
    records = columns.records
    ids: list[str] = records.column("id").to_pylist()
    compared = targets.Compared(records.column("messages"), vectors)
    likeness = {}
    for name, target in settings.targets.items():
        made_of = [name, target.model_dump_json(), workspace.params.embeddings.model_dump_json(), pool_hash]
        made_of.append(targets.fingerprint(name, target, workspace, versions))
        measure = partial(targets.measure, name, target, compared, workspace, progress, versions)
        likeness[name] = likeness_memory.recall(workspace.home / "likeness", made_of, len(ids), measure)
    notes = [note for each in likeness.values() for note in each.notes]
    tokens = None
    if isinstance(settings.budget, TokenBudget):
        texts = [encoding.text_of(turns, "conversation") for turns in compared.turns()]
        tokens = token_counts.count(settings.budget, texts, workspace, progress, pool_hash)
    known = Columns(
        columns.workspace, records, columns.scores, columns.clusters, columns.seed, _extra(likeness, tokens)
    )
    required = _named(settings.include, ids, workspace, "include")
    excluded = _named(settings.exclude, ids, workspace, "exclude")
    if both := np.flatnonzero(required & excluded).tolist():
        raise SettingsError(f"{SECTION}: {ids[both[0]]} stands in include and in exclude; expected it in one of them")
    passes, removed = _filtered(settings.filters, known, required, notes)
    for row in np.flatnonzero(excluded).tolist():
        removed[row] = ("excluded", f"named in {SECTION}.exclude")
    passes &= ~excluded
    rows = np.flatnonzero(passes)
    if not len(rows):
        counts = Counter(why for why, _ in removed.values())
        by = ", ".join(f"{reason} {count:,}" for reason, count in counts.items())
        key = "filters" if counts["filter"] else "exclude"
        example = next(iter(removed.values()))[1]
        raise DataError(f"{SECTION}.{key}: no row of {len(ids):,} passes ({by}); of one of them {example}")
    budget = resolve_budget(settings.budget, len(ids), len(rows), tokens[rows] if tokens is not None else None)
    groups = [known.groups(quota.by, _path(settings, number)) for number, quota in enumerate(settings.quota)]
    names = [known.class_column if quota.by == CLASS else quota.by for quota in settings.quota]
    kept_ids = [ids[row] for row in rows.tolist()]
    suspected = _suspected(known) & settings.noise_filter
    before = previous.ids if previous else frozenset()
    whole = len(rows) == len(ids)
    pool = Pool(
        ids=kept_ids,
        vectors=vectors if whole else vectors[rows],
        costs=None if tokens is None else tokens[rows],
        suspected=suspected[rows],
        required=required[rows],
        previous=np.array([each in before for each in kept_ids], dtype=np.bool_),
    )
    weight = records.column("weight").to_numpy(zero_copy_only=False)
    wanted = Wanted(
        budget=budget,
        quotas=[
            Quota(name, quota.rule, quota.minimum, _path(settings, number))
            for number, (name, quota) in enumerate(zip(names, settings.quota, strict=True))
        ],
        values=[[group[row] for row in rows.tolist()] for group in groups],
        method=_method(settings),
        scores=_scores(settings, known, rows, kept_ids, notes),
        weights=np.asarray(weight / weight.max(), dtype=np.float64)[rows],
        targets=np.stack([each.by(settings.coverage.by)[rows] for each in likeness.values()])
        if likeness
        else np.empty((0, len(rows))),
        random_share=settings.random_share,
        previous_rows=len(before),
        churn=settings.churn,
        cost_strength=settings.budget.strength if isinstance(settings.budget, TokenBudget) else 1.0,
        seed=columns.seed,
    )
    return Inputs(pool, wanted, rows, removed, likeness, tokens, tuple(notes))


def resolve_budget(
    budget: int | float | TokenBudget, rows: int, passing: int, tokens: npt.NDArray[np.int64] | None = None
) -> int:
    """The budget in rows or tokens; a share of the cleaned pool is rounded, but never to none.

    `rows`: of the cleaned pool; `passing`: of it those that pass the filters, with their `tokens`. Raises `DataError`
    where there are fewer than asked for.
    """
    if isinstance(budget, TokenBudget):
        total, least = (0, 0) if tokens is None else (int(tokens.sum()), int(tokens.min()))
        if budget.tokens > total or budget.tokens < least:
            what = f"have {total:,}" if budget.tokens > total else f"have at least {least:,} each"
            raise DataError(
                f"{SECTION}.budget.tokens: {budget.tokens:,} asked for, but the {passing:,} rows to choose from {what}"
            )
        return budget.tokens
    wanted = budget if isinstance(budget, int) else max(1, round(budget * rows))
    if wanted > passing:
        left = "" if passing == rows else f", of which {passing:,} pass the filters"
        raise DataError(
            f"{SECTION}.budget: {wanted} rows asked for, but the cleaned pool has {rows}{left}; "
            f"expected at most {passing}, or a share such as 0.1"
        )
    return wanted


def _path(settings: SelectedSubset, number: int) -> str:
    return f"{SECTION}.quota" if len(settings.quota) == 1 else f"{SECTION}.quota[{number}]"


def _method(settings: SelectedSubset) -> Method:
    coverage = settings.coverage
    return Method(
        coverage.method,
        settings.combine,
        coverage.strength,
        coverage.member,
        coverage.max_similarity,
        coverage.trade_off,
        coverage.gumbel,
    )


def _extra(likeness: Mapping[str, Likeness], tokens: npt.NDArray[np.int64] | None) -> dict[str, Numbers]:
    found = {}
    for name, each in likeness.items():
        parts = (("similarity", each.best), ("similarity_mean", each.mean), ("similarity_contrast", each.contrast))
        for prefix, values in parts:
            if values is None:
                continue
            found[f"{prefix}.{name}"] = Numbers(np.nan_to_num(values), ~np.isnan(values), "it could not be compared")
    if tokens is not None:
        found["tokens"] = Numbers(tokens.astype(np.float64), np.ones(len(tokens), dtype=np.bool_))
    return found


def _suspected(columns: Columns) -> Mask:
    """Rows whose label the probe contradicts; none where it predicted something else."""
    is_label = set(columns.scores.column("target").unique().to_pylist()) == {"label"}
    return np.asarray(columns.scores.column("suspected_label").is_valid().to_numpy() & is_label, dtype=np.bool_)


def _filtered(
    filters: Sequence[Filter], columns: Columns, required: Mask, notes: list[str]
) -> tuple[Mask, dict[int, tuple[str, str]]]:
    """(n,) the rows that pass all filters or must be in, and why the others do not: the first filter that they fail."""
    passes = np.ones(len(required), dtype=np.bool_)
    removed: dict[int, tuple[str, str]] = {}
    for number, each in enumerate(filters):
        setting = f"{SECTION}.filters[{number}]"
        keep = each.missing == "keep"
        try:
            if each.is_numeric:
                numbers = columns.numbers(each.column, f"{setting}.column")
                bounds = (each.min, each.max, each.min_quantile, each.max_quantile)
                found = filtering.by_number(each.column, numbers.values, numbers.known, *bounds, keep)
                shown = [f"{value:g}" if known else "nothing" for value, known in _pairs(numbers)]
            else:
                texts = columns.texts(each.column, f"{setting}.column")
                found = filtering.by_text(each.column, texts, each.keep, each.drop, keep)
                shown = [f"'{escape(text, 40)}'" if text is not None else "nothing" for text in texts.to_pylist()]
        except PickwiseError as error:
            raise DataError(at(setting, error)) from None
        fails = ~found.passes & passes & ~required
        for row in np.flatnonzero(fails).tolist():
            removed[row] = ("filter", f"{found.bounds} was asked for, and it has {shown[row]}")
        if kept := int((~found.passes & required).sum()):
            notes.append(f"{setting}: {kept:,} rows that do not pass must be in, as {SECTION}.include says")
        passes &= found.passes | required
    return passes, removed


def _pairs(numbers: Numbers) -> list[tuple[float, bool]]:
    return list(zip(numbers.values.tolist(), numbers.known.tolist(), strict=True))


def _scores(
    settings: SelectedSubset, columns: Columns, rows: npt.NDArray[np.int64], ids: list[str], notes: list[str]
) -> list[scoring.Score]:
    found = []
    for number, each in enumerate(settings.scores):
        setting = f"{SECTION}.scores[{number}]"
        numbers = columns.numbers(each.column, f"{setting}.column")
        known = numbers.known[rows]
        if not known.any() and settings.is_of_preset("scores"):
            others = _INSTEAD.get(each.column, ())
            instead = next((name for name in others if columns.numbers(name, setting).known[rows].any()), None)
            why = f": {escape(numbers.why, 200)}" if numbers.why else ""
            does = f"takes {instead}" if instead else "goes without it"
            notes.append(f"no row has {each.column}{why}; the preset {settings.preset} {does}")
            if instead is None and settings.coverage.method == "scores":
                raise DataError(
                    f"{SECTION}.coverage: scores ranks by scores alone, but no row has {each.column}{why}; "
                    "state scores that there are"
                )
            if instead is None:
                continue
            each = each.model_copy(update={"column": instead})
            numbers = columns.numbers(instead, f"{setting}.column")
            known = numbers.known[rows]
        if not known.any():
            why = f": {escape(numbers.why, 200)}" if numbers.why else ""
            raise DataError(f"{setting}.column: no row has '{escape(each.column, 60)}'{why}")
        try:
            found.append(
                scoring.score(
                    each.column,
                    numbers.values[rows],
                    known,
                    ids,
                    each.strength,
                    each.prefer,
                    each.normalise,
                    each.missing,
                )
            )
        except DataError as error:
            raise DataError(at(setting, error)) from None
    return found


def at(setting: str, error: PickwiseError) -> str:
    """The message with its setting in front, unless it begins with that."""
    return str(error) if str(error).startswith(SECTION) else f"{setting}: {error}"


def _named(written: Sequence[str], ids: list[str], workspace: Workspace, key: str) -> Mask:
    """(n,) the rows whose ids are listed, in the settings or in files; an id that there is not is an error."""
    wanted: dict[str, str] = {}
    for entry in written:
        if is_id(entry):
            wanted[entry] = f"{SECTION}.{key}"
            continue
        for number, line in enumerate(read_list(entry, workspace, key), 1):
            name = line.strip()
            if not name or name.startswith("#"):
                continue
            if not is_id(name):
                raise SettingsError(
                    f"{escape(entry, 80)}, line {number}: '{escape(name, 60)}'; expected an id of 32 hex digits a line"
                )
            wanted[name] = f"{escape(entry, 80)}, line {number}"
    is_there = set(ids)
    if missing := [name for name in wanted if name not in is_there]:
        more = f" (and {len(missing) - 1:,} more)" if len(missing) > 1 else ""
        raise DataError(
            f"{wanted[missing[0]]}: no row of cleaned_data has the id {missing[0]}{more}; "
            f"`pickwise explain {missing[0]}` tells what became of it"
        )
    return np.array([each in wanted for each in ids], dtype=np.bool_)


def is_id(text: str) -> bool:
    """Whether it is the id of a record, and not the name of a file."""
    return _ID.fullmatch(text) is not None


def read_list(entry: str, workspace: Workspace, key: str) -> list[str]:
    """The lines of a file of ids. Raises `SettingsError`."""
    try:
        return (workspace.root / entry).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{SECTION}.{key}: {escape(entry, 80)}: not UTF-8 text (byte {error.start})") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise SettingsError(
            f"{SECTION}.{key}: {escape(entry, 80)}: {why}; expected an id of 32 hex digits, or a file of them"
        ) from None

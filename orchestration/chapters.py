"""Chapters: the sections of a row's story, in the order of the assets; here those of raw_data and cleaned_data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assets.tables import escape
from orchestration import later_chapters
from orchestration.lookups import Tables, by_value
from orchestration.stories import Section, absent, stale

MOST_OTHERS = 5  # rows that were dropped for this one
BEGINNING = 200  # characters of another row's text

_TOLD = ("source", "file", "line", "item", "format", "weight")

Values = Mapping[str, Any]  # of a row of a table, by column


@dataclass(frozen=True)
class Row:
    """What the tables that know of origins hold about one row: its rows there, if any."""

    raw: Values | None = None
    rejected: Values | None = None
    cleaned: Values | None = None
    dropped: Values | None = None
    measured: Values | None = None
    chosen: Values | None = None


def sections(known: Tables, row: Row) -> Iterator[Section]:
    """The chapters in the order of the assets; a row that was left out has none beyond."""
    yield _raw(known, row)
    if row.raw is None and row.rejected is not None:
        return
    if not known.parts("cleaned_data"):
        yield absent("cleaned_data")
    else:
        section = _cleaned(known, row)
        yield section
        if section.outcome != "kept":
            return
    yield from later_chapters.sections(known, row.cleaned or row.chosen, row.chosen)


# -- raw_data --------------------------------------------------------------------------------------------------------


def _raw(known: Tables, row: Row) -> Section:
    if row.raw is not None:
        raw = row.raw
        said = (
            f"read from line {raw['line']:,} as {escape(raw['format'], 40)}; source "
            f"'{escape(raw['source'], 80)}', weight {raw['weight']:g}"
        )
        facts = {name: raw[name] for name in ("id", "source", "file", "line", "item", "format", "weight", "label")}
        maps = {name: dict(raw[name]) for name in ("attributes", "extras") if raw[name]}
        hidden = () if raw["label"] is not None else ("label",)
        facts = {name: value for name, value in facts.items() if name not in hidden}
        return Section("raw_data", "read", said, facts | maps, turns=raw["messages"], repeated=_TOLD)
    if row.rejected is not None:
        return _left_out("raw_data", "rejected", row.rejected)
    if not known.parts("raw_data"):
        return absent("raw_data")
    return stale("raw_data", "does not hold this row: it has been read anew since")


def _left_out(asset: str, outcome: str, row: Values) -> Section:
    """A row of a ledger."""
    said = f"left out by {escape(row['step'], 40)}: {escape(row['reason'], 60)}"
    if row["detail"]:
        said += f" ({escape(row['detail'], 300)})"
    names = ("id", "source", "file", "line", "item", "step", "reason", "detail", "value", "threshold", "hit", "text")
    facts = {name: row[name] for name in names if row[name] is not None}
    return Section(asset, outcome, said, facts, repeated=("file", "item", "step", "reason", "detail"))


# -- cleaned_data ----------------------------------------------------------------------------------------------------


def _cleaned(known: Tables, row: Row) -> Section:
    raw_id = row.raw["id"] if row.raw is not None else None
    found = row.cleaned or row.dropped
    found_id = row.cleaned["raw_id"] if row.cleaned else row.dropped["id"] if row.dropped else None
    if found is None:
        return stale("cleaned_data", "neither holds this row nor says why it was dropped")
    if raw_id is not None and found_id != raw_id:
        return stale("cleaned_data", "holds another row that was read at this place")
    statistics = {"statistics": _statistics(row.measured)} if row.measured else {}
    if row.cleaned is not None:
        return _kept(known, row.cleaned, row.raw, statistics)
    assert row.dropped is not None
    section = _left_out("cleaned_data", "dropped", row.dropped)
    facts = dict(section.facts)
    # Of a row that repeats one of another file or version the hit says all; that row is not in this table.
    if row.dropped["kept_id"] is not None and row.dropped["hit"] is None:
        facts["kept row"] = _other_row(known, row.dropped["kept_id"])
    repeated = (*section.repeated, "id", "source", "line", *(("text",) if row.raw is not None else ()))
    return Section("cleaned_data", "dropped", section.said, facts | statistics, repeated=repeated)


def _kept(known: Tables, cleaned: Values, raw: Values | None, statistics: Values) -> Section:
    changed = [] if raw is None else _changed(raw["messages"], cleaned["messages"])
    facts: dict[str, Any] = {"id": cleaned["id"], "raw id": cleaned["raw_id"]}
    said = "kept as it was"
    if cleaned["id"] != cleaned["raw_id"]:
        said = "kept; cleaning changed its text, and so its id"
        facts["turns changed"] = len(changed)
    dropped_for_it = known.find(
        "cleaned_data",
        ["kept_id"],
        by_value("kept_id", [cleaned["id"]]),
        ["id", "file", "item", "step", "value", "text"],
        most=MOST_OTHERS,
        file="dropped.parquet",
    )
    if dropped_for_it.count:
        facts["rows dropped for it"] = dropped_for_it.count
        more = dropped_for_it.count - len(dropped_for_it.rows)
        facts["they are"] = [*dropped_for_it.rows, *([f"and {more:,} more"] if more else [])]
    repeated = ("raw id",) if raw is not None else ()
    return Section("cleaned_data", "kept", said, {**facts, **statistics}, turns=changed, repeated=repeated)


def _changed(before: list[dict[str, str]], after: list[dict[str, str]]) -> list[dict[str, str]]:
    """The turns that are not what they were, as they are now; all of them if their number changed."""
    if len(before) != len(after):
        return after
    return [new for old, new in zip(before, after, strict=True) if old != new]


def _statistics(measured: Values) -> dict[str, Any]:
    return {name: value for name, value in measured.items() if name not in ("id", "file", "item")}


def _other_row(known: Tables, row_id: str) -> dict[str, Any]:
    """A row of cleaned_data by its id: where it was read, and the beginning of its text."""
    found = known.find("cleaned_data", ["id"], by_value("id", [row_id]), ["file", "item", "messages"], most=1).rows
    if not found:
        return {"id": row_id, "text": "not in data/cleaned_data, which is of another state than its ledger"}
    text = " ".join(turn["content"] for turn in found[0]["messages"])
    return {"id": row_id, "file": found[0]["file"], "item": found[0]["item"], "text": escape(text, BEGINNING)}

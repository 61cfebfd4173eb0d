"""Explaining a row: which rows an id or a place in a file names, and what every asset's table holds about them.

What belongs here: finding rows and putting their stories together. What each asset's section says is `chapters.py`,
how a story looks `stories.py`, how rows are found in large tables `lookups.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assets.errors import DataError
from assets.tables import escape
from orchestration import chapters
from orchestration.lookups import Origin, Tables, by_beginning, by_origin
from orchestration.stories import Explanation, Story

ID_DIGITS = 32
FEWEST_DIGITS = 6
MOST_STORIES = 20
MOST_CANDIDATES = 10
MOST_FILES = 10

REJECTED, DROPPED, SUBSET = "rejected.parquet", "dropped.parquet", "subset.parquet"
# Where ids and origins stand: asset, extra file of it, columns of ids.
PLACES = (
    ("raw_data", "", ("id",)),
    ("raw_data", REJECTED, ("id",)),
    ("cleaned_data", "", ("id", "raw_id")),
    ("cleaned_data", DROPPED, ("id",)),
    ("selected_subset", SUBSET, ("id",)),
)


def explain(root: Path, asked: str) -> Explanation:
    """The stories of the row, or of all rows of the same content, that `asked` names.

    `asked` is an id, raw or cleaned, or at least 6 digits of its beginning; or FILE:ITEM, the file as it stands in the
    tables and the row's number in it. Raises `DataError`, one line, where that names nothing, or several ids.
    Cost: the id columns of all tables once, and a few lookups; memory does not grow with the tables.
    """
    known = Tables(root)
    if not any(known.parts(asset, file) for asset, file, _ in PLACES):
        raise DataError("nothing has been materialized yet: `pickwise run` does all in order")
    asked = asked.strip()
    place = re.fullmatch(r"(.+):([0-9]{1,18})", asked, re.DOTALL)
    if place:
        origins = [_at_place(known, place[1], int(place[2]))]
    elif re.fullmatch(f"[0-9a-fA-F]{{{FEWEST_DIGITS},{ID_DIGITS}}}", asked):
        origins = _with_id(known, asked.lower())
    else:
        raise DataError(
            f"'{escape(asked, 80)}': expected an id, or at least {FEWEST_DIGITS} of its {ID_DIGITS} hex digits, or "
            "FILE:ITEM such as rows.jsonl:17"
        )
    told = origins[:MOST_STORIES]
    return Explanation(asked, _stories(known, told), len(origins) - len(told))


def _with_id(known: Tables, beginning: str) -> list[Origin]:
    """Where the rows of the one id that begins like this were read, in their order."""
    origins: dict[str, dict[Origin, None]] = {}
    for asset, file, columns in PLACES:
        matches = by_beginning(columns, beginning)
        for row in known.find(asset, columns, matches, [*columns, "file", "item"], file=file).rows:
            for name in columns:
                if row[name] is not None and row[name].startswith(beginning):
                    origins.setdefault(row[name], {})[(row["file"], row["item"])] = None
    if not origins:
        raise DataError(f"{beginning}: no row of this workspace has an id that begins like this")
    if len(origins) > 1:
        ids = sorted(origins)
        more = f" and {len(ids) - MOST_CANDIDATES:,} more" if len(ids) > MOST_CANDIDATES else ""
        raise DataError(
            f"{beginning}: {len(ids):,} ids begin like this; give more digits of one of "
            f"{', '.join(ids[:MOST_CANDIDATES])}{more}"
        )
    (found,) = origins.values()
    return list(found)


def _at_place(known: Tables, file: str, item: int) -> Origin:
    """The place itself, if a table has a row that was read there."""
    origin = (file, item)
    try:
        file.encode()
    except UnicodeEncodeError:
        raise DataError(f"{escape(file, 80)}: no row was read from a file of this name") from None
    for asset, name, _ in PLACES:
        if known.find(asset, ("file", "item"), by_origin([origin]), most=0, file=name).count:
            return origin
    last: dict[str, int] = {}
    for asset, name, _ in PLACES:
        for rows in known.scan(asset, ["file", "item"], name):
            largest = rows.group_by("file", use_threads=False).aggregate([("item", "max")]).to_pylist()
            for each in largest:
                last[each["file"]] = max(last.get(each["file"], 0), each["item_max"])
    if file in last:
        raise DataError(f"{escape(file, 80)}: has no item {item:,}; its items are numbered from 1 to {last[file]:,}")
    names = ", ".join(escape(name, 80) for name in sorted(last)[:MOST_FILES])
    more = f" and {len(last) - MOST_FILES:,} more" if len(last) > MOST_FILES else ""
    raise DataError(f"{escape(file, 80)}: no row was read from a file of this name; there are {names or 'none'}{more}")


def _stories(known: Tables, origins: Sequence[Origin]) -> list[Story]:
    """One story for each origin. Each table is looked through once for all of them."""

    def rows_of(asset: str, file: str = "") -> Mapping[Origin, dict[str, Any]]:
        found = known.find(asset, ("file", "item"), by_origin(origins), file=file).rows
        return {(row["file"], row["item"]): row for row in found}

    raw, rejected = rows_of("raw_data"), rows_of("raw_data", REJECTED)
    cleaned, dropped = rows_of("cleaned_data"), rows_of("cleaned_data", DROPPED)
    measured, chosen = rows_of("cleaned_data", "statistics.parquet"), rows_of("selected_subset", SUBSET)
    stories = []
    for origin in origins:
        row = chapters.Row(
            raw=raw.get(origin),
            rejected=rejected.get(origin),
            cleaned=cleaned.get(origin),
            dropped=dropped.get(origin),
            measured=measured.get(origin),
            chosen=chosen.get(origin),
        )
        stories.append(Story(*origin, list(chapters.sections(known, row))))
    return stories

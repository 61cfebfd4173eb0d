"""The last chapter: whether a row was selected, why, for what it stands, or what it lost to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.tables import escape
from assets.workspace import read_json
from orchestration.lookups import Tables, by_value
from orchestration.stories import Section, counted_rows, stale

ASSET, SUBSET, NOT_SELECTED = "selected_subset", "subset.parquet", "not_selected.parquet"
BEGINNING = 200  # characters of another row's text

PHASES = {
    "required": "it must be in, as selected_subset.include says",
    "previous": "it stays from the subset that was started from",
    "random": "it was drawn at random",
    "chosen": "the method took it",
    "filled": "it fills a seat, because nothing else adds coverage",
    "suspected": "it fills a seat for want of others, though its label is suspected",
}
# What the gain is in the unit of each way of covering; higher = it was worth more when it was taken.
GAINS = {
    "facility_location": "its weight × the rows that it newly covers",
    "k_center": "its weight × its distance to the nearest row taken before it",
    "kmeans": "its weight × the size of its cluster",
    "distinct": "its scores",
    "mmr": "its scores less its likeness to the rows taken before it",
    "dpp": "how much it adds to the log-determinant",
    "round_robin": "its likeness to a target × its scores",
    "scores": "its scores",
}
_REPEATED = ("rank", "reason")

Values = Mapping[str, Any]  # of a row of a table, by column


def section(known: Tables, record: Values, chosen: Values | None) -> Section:
    """The chapter of the row `record` of cleaned_data; `chosen`: the row of the subset that was read at the same place,
    if any.
    """
    manifest = read_json(known.root / "data" / ASSET / "manifest.json") or {}
    pool = manifest.get("pool_rows")
    if chosen is not None and chosen["id"] == record["id"]:
        return _selected(chosen, manifest)
    rows = known.rows("cleaned_data")
    if pool is not None and pool != rows:
        return stale(ASSET, f"was chosen from {pool:,} rows, of which there are {rows:,} now")
    lost = known.find(ASSET, ["id"], by_value("id", [record["id"]]), most=1, file=NOT_SELECTED).rows
    if not lost:
        return stale(ASSET, "neither holds this row nor says why it was not selected")
    return _not_selected(known, record, lost[0], manifest)


def _selected(chosen: Values, manifest: Values) -> Section:
    said = f"selected: rank {chosen['rank']:,} of {_size(manifest)}; {escape(chosen['reason'], 300)}"
    facts: dict[str, Any] = {name: chosen[name] for name in ("rank", "gain", "reason")}
    # A version that an earlier release made has fewer columns.
    for name in ("phase", "tokens", "covers"):
        if chosen.get(name) is not None:
            facts[name] = chosen[name]
    if chosen.get("contributions"):
        facts["contributions"] = dict(chosen["contributions"])
    if chosen.get("targets"):
        facts["targets"] = [_target(each, manifest) for each in chosen["targets"]]
    method = _settings(manifest).get("coverage", {}).get("method", "facility_location")
    gain = GAINS.get(method, "")
    if _settings(manifest).get("combine") == "sum":
        gain = "its coverage and its scores together"
    if facts.get("tokens") is not None:
        gain += ", for the tokens that it takes"
    meanings = {
        "gain": f"{gain}; within its group, higher = worth more",
        "phase": PHASES.get(facts.get("phase", ""), ""),
        "covers": "rows of its group that it stands for, itself among them",
        "contributions": "what each score makes of it; higher = more wanted",
    }
    meanings = {name: text for name, text in meanings.items() if name in facts and text}
    return Section(ASSET, "selected", said, facts, meanings, repeated=_REPEATED)


def _target(likeness: Values, manifest: Values) -> dict[str, Any]:
    """How alike the row is to a target, by which measure."""
    wanted = _settings(manifest).get("targets", {}).get(likeness["target"], {})
    return {"target": likeness["target"], "measure": wanted.get("measure"), **likeness}


def _size(manifest: Values) -> str:
    size = manifest.get("rows")
    return f"{size:,}" if size else "some"


def _settings(manifest: Values) -> Values:
    found: Values = manifest.get("settings", {}).get(ASSET, {})
    return found


def _not_selected(known: Tables, record: Values, lost: Values, manifest: Values) -> Section:
    said = f"not selected: {escape(lost['reason'], 60)}: {escape(lost['detail'], 300)}"
    facts: dict[str, Any] = {"reason": lost["reason"], "detail": lost["detail"]}
    if lost["similarity"] is not None:
        facts["similarity"] = lost["similarity"]
    if lost["lost_to"] is not None:
        facts["lost to"] = other = _other_row(known, lost["lost_to"])
        if "rank" in other:
            said += f"; it lost to rank {other['rank']:,} of {_size(manifest)}"
    taken = {**_group_taken(known, record, manifest), **_cluster_taken(known, record)}
    for what, each in taken.items():
        said += f"; of the {counted_rows(each['pool'])} of its {what}, {each['selected']:,} selected"
    meanings = {"similarity": "cosine to the row that stands for it; 1 = the same direction"}
    repeated = ("reason", "detail", *taken)
    return Section(ASSET, "not selected", said, facts | taken, meanings, repeated=repeated)


def _other_row(known: Tables, row_id: str) -> dict[str, Any]:
    """A row of the subset by its id: its rank, where it was read, and the beginning of its text."""
    columns = ["rank", "file", "item", "messages"]
    found = known.find(ASSET, ["id"], by_value("id", [row_id]), columns, most=1, file=SUBSET).rows
    if not found:
        return {"id": row_id, "text": f"not in data/{ASSET}/{SUBSET}, which is of another state than {NOT_SELECTED}"}
    (row,) = found
    text = " ".join(turn["content"] for turn in row["messages"])
    place = {name: row[name] for name in ("rank", "file", "item")}
    return {"id": row_id, **place, "text": escape(text, BEGINNING)}


def _group_taken(known: Tables, record: Values, manifest: Values) -> dict[str, dict[str, Any]]:
    """How many rows of its class, or of its source where there are no classes, were selected."""
    column = "source" if manifest.get("grouped_by") == "source" else "label"
    taken, name = ("sources", record["source"]) if column == "source" else ("classes", record["label"])
    selected = manifest.get(taken, {}).get("(no label)" if name is None else name, 0)
    pool = known.find("cleaned_data", [column], by_value(column, [name]), most=0).count
    return {"source" if column == "source" else "class": {"name": name, "selected": selected, "pool": pool}}


def _cluster_taken(known: Tables, record: Values) -> dict[str, dict[str, Any]]:
    """How many rows of its cluster were selected."""
    found = known.find("cluster_assignments", ["id"], by_value("id", [record["id"]]), ["cluster"], most=1).rows
    if not found:
        return {}
    cluster = found[0]["cluster"]

    def is_inside(keys: pa.Table) -> pa.ChunkedArray:
        return pc.equal(keys.column("cluster"), cluster)

    def count(asset: str, file: str = "") -> int:
        return known.find(asset, ["cluster"], is_inside, most=0, file=file).count

    selected, pool = count(ASSET, SUBSET), count("cluster_assignments")
    return {"cluster": {"name": cluster, "selected": selected, "pool": pool}}

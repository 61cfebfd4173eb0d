"""Chapters, continued: what the tables after cleaned_data have to say of a row, by its id there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.tables import escape
from assets.workspace import read_json
from orchestration.lookups import Tables, by_value
from orchestration.stories import Section, absent, stale

MEANINGS = {
    "entropy": "bits; higher = more uncertain",
    "least_confidence": "0 to 1; higher = more uncertain",
    "margin": "0 to 1; lower = more uncertain, its two best guesses being closer together",
    "cross_entropy": "bits; higher = its own label is more of a surprise",
    "label_quality": "0 to 1; higher = its label is more believable",
}
_DISTANCE = "0 to 2; higher = farther from what is typical of the cluster"

Values = Mapping[str, Any]  # of a row of a table, by column


def sections(known: Tables, record: Values | None, chosen: Values | None) -> Iterator[Section]:
    """The chapters in the order of the assets.

    `record`: the row of cleaned_data, or of the subset where there is no cleaned_data; without it only the tables that
    are absent are named. `chosen`: the row of the subset that was read at the same place, if any.
    """
    for asset, (chapter, file) in CHAPTERS.items():
        if not known.parts(asset, file):
            yield absent(asset)
        elif record is not None:
            yield chapter(known, record, chosen)


def _embeddings(known: Tables, record: Values, chosen: Values | None) -> Section:
    if not known.find("embeddings", ["id"], by_value("id", [record["id"]]), ["id"], most=1).count:
        return stale("embeddings", "holds no vector of this row")
    model = read_json(known.root / "data" / "embeddings" / "model.json") or {}
    name = escape(str(model.get("name", "an unknown model")), 80)
    return Section("embeddings", "embedded", f"embedded by {name}", {"model": model.get("name")}, repeated=("model",))


def _scores(known: Tables, record: Values, chosen: Values | None) -> Section:
    found = known.find("uncertainty_scores", ["id"], by_value("id", [record["id"]]), most=1).rows
    if not found:
        return stale("uncertainty_scores", "holds no score of this row")
    (scores,) = found
    facts = {name: scores[name] for name in MEANINGS if scores[name] is not None}
    if scores["null_reason"] and not facts:
        return Section("uncertainty_scores", "scored", f"no score: {escape(scores['null_reason'], 200)}")
    said = f"a probe predicts its {escape(scores['target'] or 'label', 40)}"
    if scores["suspected_label"] is not None:
        given = escape(str(record[scores["target"] or "label"]), 80)
        said += f", and would rather have called it '{escape(scores['suspected_label'], 80)}' than '{given}'"
        facts["suspected label"] = scores["suspected_label"]
    if scores["null_reason"]:
        facts["not every score"] = scores["null_reason"]
    meanings = {name: MEANINGS[name] for name in facts if name in MEANINGS}
    return Section("uncertainty_scores", "scored", said, facts, meanings, repeated=("suspected label",))


def _cluster(known: Tables, record: Values, chosen: Values | None) -> Section:
    found = known.find("cluster_assignments", ["id"], by_value("id", [record["id"]]), ["cluster", "distance"], most=1)
    if not found.rows:
        return stale("cluster_assignments", "holds no cluster of this row")
    cluster, distance = found.rows[0]["cluster"], found.rows[0]["distance"]
    size = nearer = 0
    for rows in known.scan("cluster_assignments", ["cluster", "distance"]):
        inside = rows.filter(pc.equal(rows.column("cluster"), cluster)).column("distance").to_numpy()
        size += len(inside)
        nearer += int(np.count_nonzero(inside < distance))
    said = f"in cluster {cluster}, which has {_rows(size)}; {nearer:,} of them nearer to its centre"
    facts = {"cluster": cluster, "size of the cluster": size, "distance": distance}
    repeated = ("cluster", "size of the cluster")
    return Section("cluster_assignments", "clustered", said, facts, {"distance": _DISTANCE}, repeated=repeated)


def _subset(known: Tables, record: Values, chosen: Values | None) -> Section:
    manifest = read_json(known.root / "data" / "selected_subset" / "manifest.json") or {}
    pool, size = manifest.get("pool_rows"), manifest.get("rows")
    if chosen is not None and chosen["id"] == record["id"]:
        said = f"selected: rank {chosen['rank']:,} of {size or 'some':,}; {escape(chosen['reason'], 300)}"
        facts = {"rank": chosen["rank"], "gain": chosen["gain"], "reason": chosen["reason"]}
        meanings = {"gain": "its weight × the rows that it newly covers"}
        return Section("selected_subset", "selected", said, facts, meanings, repeated=("rank", "reason"))
    rows = known.rows("cleaned_data")
    if pool is not None and pool != rows:
        return stale("selected_subset", f"was chosen from {pool:,} rows, of which there are {rows:,} now")
    return _not_selected(known, record, manifest)


def _not_selected(known: Tables, record: Values, manifest: Values) -> Section:
    said = f"not selected; it was one of {_rows(manifest.get('pool_rows'))} for {_rows(manifest.get('rows'))} wanted"
    scores = known.find("uncertainty_scores", ["id"], by_value("id", [record["id"]]), ["target", "suspected_label"], 1)
    suspected = scores.rows[0] if scores.rows else {}
    is_filtered = manifest.get("settings", {}).get("selected_subset", {}).get("noise_filter")
    if is_filtered and suspected.get("target") == "label" and suspected["suspected_label"] is not None:
        said = (
            "not selected: left out by the noise filter, because the probe would rather have called it "
            f"'{escape(suspected['suspected_label'], 80)}'"
        )
    facts = {**_group_taken(known, record, manifest), **_cluster_taken(known, record)}
    for what, each in facts.items():
        said += f"; of the {_rows(each['pool'])} of its {what}, {each['selected']:,} selected"
    return Section("selected_subset", "not selected", said, facts, repeated=tuple(facts))


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

    selected, pool = count("selected_subset", "subset.parquet"), count("cluster_assignments")
    return {"cluster": {"name": cluster, "selected": selected, "pool": pool}}


CHAPTERS = {
    "embeddings": (_embeddings, ""),
    "uncertainty_scores": (_scores, ""),
    "cluster_assignments": (_cluster, ""),
    "selected_subset": (_subset, "subset.parquet"),
}


def _rows(count: int | None) -> str:
    return "an unknown number of rows" if count is None else f"{count:,} row" + ("" if count == 1 else "s")

"""Chapters, continued: what the tables after cleaned_data have to say of a row, by its id there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from assets.tables import escape
from assets.workspace import read_json
from orchestration import selection_chapter
from orchestration.lookups import Tables, by_value
from orchestration.stories import Section, absent, counted_rows, stale

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
    said = f"in cluster {cluster}, which has {counted_rows(size)}; {nearer:,} of them nearer to its centre"
    facts = {"cluster": cluster, "size of the cluster": size, "distance": distance}
    repeated = ("cluster", "size of the cluster")
    return Section("cluster_assignments", "clustered", said, facts, {"distance": _DISTANCE}, repeated=repeated)


CHAPTERS = {
    "embeddings": (_embeddings, ""),
    "uncertainty_scores": (_scores, ""),
    "cluster_assignments": (_cluster, ""),
    "selected_subset": (selection_chapter.section, selection_chapter.SUBSET),
}

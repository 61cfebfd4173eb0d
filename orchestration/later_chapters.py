"""Chapters, continued: what the tables after cleaned_data have to say of a row, by its id there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow.compute as pc

from assets.score_columns import ANSWERS, DIRECTIONS, LANGUAGE, PROBE, REASONS, TAGGING
from assets.tables import escape
from assets.workspace import read_json
from orchestration import selection_chapter
from orchestration.lookups import Tables, by_value
from orchestration.stories import Section, absent, counted_rows, stale

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
    facts = {name: scores[name] for name in DIRECTIONS if scores[name] is not None}
    reasons = list(dict.fromkeys(escape(scores[column], 200) for column in REASONS if scores[column]))
    if not facts:
        return Section("uncertainty_scores", "scored", f"no score: {'; '.join(reasons)}")
    said = []
    if any(name in facts for name in PROBE):
        said.append(f"a probe predicts its {escape(scores['target'] or 'label', 40)}")
    if scores["suspected_label"] is not None:
        given = escape(str(record[scores["target"] or "label"]), 80)
        said.append(f"and would rather have called it '{escape(scores['suspected_label'], 80)}' than '{given}'")
        facts["suspected label"] = scores["suspected_label"]
    if any(name in facts for name in LANGUAGE):
        cut = f", and did not see {scores['cut_tokens']:,} more" if scores["cut_tokens"] else ""
        said.append(f"a language model scored {scores['response_tokens'] or 0:,} tokens of its response{cut}")
    if any(name in facts for name in TAGGING):
        said.append("a tagger predicts the tags of its words")
    if any(name in facts for name in ANSWERS):
        like = f", and looks most like one that is {scores['answer_damage']}" if scores["answer_damage"] else ""
        said.append(f"its answer was compared with damaged ones{like}")
    if reasons:
        facts["not every score"] = "; ".join(reasons)
    if scores["turns"] is not None and len(scores["turns"]) > 1:
        facts["by turn"] = [
            {name: value for name, value in turn.items() if value is not None} for turn in scores["turns"]
        ]
    meanings = {name: DIRECTIONS[name] for name in facts if name in DIRECTIONS}
    return Section("uncertainty_scores", "scored", ", ".join(said), facts, meanings, repeated=("suspected label",))


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

"""The probe's part of uncertainty_scores: what the probe predicts, and nulls that say why they are null."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tiny_models

from assets import encoding, params, probe_scores, tables
from assets.methods import uncertainty
from assets.progress import Silent
from assets.workspace import Workspace


@pytest.mark.parametrize(
    ("labels", "sources", "wanted", "target"),
    [
        (["a", "b", None], ["s", "s", "s"], "auto", "label"),
        ([None, None], ["s", "t"], "auto", "source"),
        (["a", "a"], ["s", "t"], "auto", "source"),
        (["a", "a"], ["s", "s"], "auto", None),
        ([None, None], ["s", "t"], "label", None),
        (["a", "b"], ["s", "t"], "source", "source"),
        (["a", "b"], ["s", "s"], "source", None),
    ],
)
def test_the_probe_predicts_the_label_or_else_the_source(
    labels: list[str | None], sources: list[str], wanted: str, target: str | None
) -> None:
    found, values, note = probe_scores.choose_target(labels, sources, wanted)
    assert found == target
    assert len(values) == (len(labels) if target else 0)
    assert note


def test_a_score_that_failed_is_null_with_a_reason() -> None:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(41, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [*["a"] * 20, *["b"] * 20, "alone"]
    scores = uncertainty.score(vectors, labels, uncertainty.ProbeSettings(ensemble=2))
    table = pa.table(probe_scores.as_columns(scores, "label"))
    last = table.slice(40).to_pylist()[0]
    assert last["entropy"] is None
    assert last["null_reason"]
    assert all(row["entropy"] is not None and row["null_reason"] is None for row in table.slice(0, 40).to_pylist())


def test_small_edits_flip_rows_between_the_classes_most(tmp_path: Path) -> None:
    model = tiny_models.save(tmp_path / "bert")
    document = {"embeddings": {"model": str(model)}, "uncertainty_scores": {"edits": 4, "folds": 2, "ensemble": 1}}
    space = Workspace(tmp_path, params.parse(json.dumps(document)))
    draw = np.random.default_rng(0)
    texts = [" ".join(f"word{number}" for number in draw.integers(0, 300, 8)) for _ in range(39)] + ["?"]
    pool = pa.table(
        {
            "label": ["a", "b"] * 20,
            "source": ["s"] * 40,
            "messages": pa.array([[{"role": "user", "content": text}] for text in texts], tables.MESSAGES),
        }
    )
    vectors = encoding.embed(space, Silent(), encoding.choose(space), texts).vectors
    part = probe_scores.part(space, Silent(), pool, vectors)
    rates = part.columns["flip_rate"].to_pylist()
    assert rates[-1] is None  # nothing of it can be edited
    assert {0, 0.25, 0.5, 0.75, 1} >= set(rates[:-1])
    assert len(set(rates[:-1])) > 1
    assert part.columns["mutual_information"].null_count == 40
    assert any("ensemble is 1" in note for note in part.notes)
    assert probe_scores.part(space, Silent(), pool, vectors).columns["flip_rate"].to_pylist() == rates

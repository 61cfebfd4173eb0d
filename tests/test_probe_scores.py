"""The probe's part of uncertainty_scores: what the probe predicts, and nulls that say why they are null."""

import numpy as np
import pyarrow as pa
import pytest

from assets import probe_scores
from assets.methods import uncertainty


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

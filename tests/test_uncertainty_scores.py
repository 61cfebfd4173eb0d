"""uncertainty_scores' own part: what the probe predicts, and nulls that say why they are null."""

import numpy as np
import pytest

from assets import tables, uncertainty_scores
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
    found, values, note = uncertainty_scores.choose_target(labels, sources, wanted)
    assert found == target
    assert len(values) == (len(labels) if target else 0)
    assert note


def test_a_score_that_failed_is_null_with_a_reason() -> None:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(41, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [*["a"] * 20, *["b"] * 20, "alone"]
    scores = uncertainty.score(vectors, labels, 5, 1.0, 0)
    table = uncertainty_scores.as_table([str(i) for i in range(41)], scores, "label")
    assert table.schema == tables.SCORES
    last = table.slice(40).to_pylist()[0]
    assert last["entropy"] is None
    assert last["null_reason"]
    assert all(row["entropy"] is not None and row["null_reason"] is None for row in table.slice(0, 40).to_pylist())


def test_every_score_says_its_direction() -> None:
    numbers = {field.name for field in tables.SCORES if str(field.type) == "double"}
    assert set(uncertainty_scores.DIRECTIONS) == numbers
    assert all("higher =" in text or "lower =" in text for text in uncertainty_scores.DIRECTIONS.values())

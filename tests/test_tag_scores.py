"""The tagger's part: only rows with a tag for each word have scores, and what is said of the others."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tiny_models

from assets import params, tables, tag_scores
from assets.errors import ModelError
from assets.progress import Silent
from assets.score_part import Part
from assets.tag_scores import REASON
from assets.workspace import Workspace


def scored(root: Path, rows: list[tuple[str, str]], asked: list[bool], **settings: object) -> Part:
    model = tiny_models.save(root / "bert")
    document = {"embeddings": {"model": str(model)}, "uncertainty_scores": {"tagging": settings}}
    space = Workspace(root, params.parse(json.dumps(document)))
    turns = [[{"role": "user", "content": a}, {"role": "assistant", "content": b}] for a, b in rows]
    messages = pa.chunked_array([pa.array(turns, tables.MESSAGES)])
    return tag_scores.part(space, Silent(), messages, np.array(asked), "not asked")


def test_rows_with_a_tag_for_each_word_are_scored(tmp_path: Path) -> None:
    rows = [(f"word{number} word{number + 1}", "O B-x") for number in range(30)]
    rows[4] = ("word1 word2 word3", "O B-x")  # as where a cleaning step has changed the words
    asked = [number != 7 for number in range(30)]
    part = scored(tmp_path, rows, asked, folds=2)
    reasons = part.columns[REASON].to_pylist()
    assert reasons[4] == "3 words, but 2 tags"
    assert reasons[7] == "not asked"
    assert [number for number, reason in enumerate(reasons) if reason is None] == [
        number for number in range(30) if number not in (4, 7)
    ]
    entropies = part.columns["tag_entropy_max"].to_pylist()
    assert all((value is None) == (reason is not None) for value, reason in zip(entropies, reasons, strict=True))
    assert part.facts["sentences"] == 29
    assert part.metrics["tag_accuracy"] > 0


def test_nobody_asked(tmp_path: Path) -> None:
    part = scored(tmp_path, [("word1", "O")], [False])
    assert part.columns[REASON].to_pylist() == ["not asked"]
    assert not part.facts


def test_a_model_that_cannot_tag_is_named_with_its_setting(tmp_path: Path) -> None:
    for model, said in ((str(tmp_path / "bert"), "has no weights for"), ("./nowhere", "there is no folder")):
        with pytest.raises(ModelError) as caught:
            scored(tmp_path, [("word1", "O")], [True], model=model)
        assert str(caught.value).startswith("uncertainty_scores.tagging.model: ")
        assert said in str(caught.value)

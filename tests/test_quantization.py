"""What int8 costs is measured on a sample, told, and judged by a check that warns."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
import tiny_models

from assets import encoding, params, quantization
from assets.progress import Silent
from assets.workspace import Workspace
from orchestration import quantization_checks

TEXTS = [" ".join(f"word{(7 * row + step) % 300}" for step in range(3 + row % 20)) for row in range(60)]


def test_the_sample_is_of_different_texts_and_does_not_depend_on_the_others() -> None:
    keys = np.array([b"c", b"a", b"b", b"a", b"d"], dtype="S16")
    assert quantization.sample(keys, 3).tolist() == [0, 1, 2]
    assert quantization.sample(keys[1:], 2).tolist() == [0, 1]


def test_int8_vectors_are_kept_apart_and_compared(tmp_path: Path) -> None:
    model = tiny_models.save(tmp_path / "bert")
    spaces = [
        Workspace(tmp_path, params.parse(json.dumps({"embeddings": {"model": str(model), "quantize": quantize}})))
        for quantize in ("int8", "none")
    ]
    small, whole = (encoding.embed(space, Silent(), encoding.choose(space), TEXTS) for space in spaces)
    assert small.computed == whole.computed == len(TEXTS)
    assert not np.array_equal(small.vectors, whole.vectors)
    found = encoding.rank_correlation(spaces[0], Silent(), encoding.choose(spaces[0]), TEXTS, small.vectors)
    assert found is not None
    assert 0.9 < found < 1


@pytest.mark.parametrize(
    ("metrics", "passed", "said"),
    [
        ({}, True, "no model is quantised"),
        ({quantization.METRIC: 0.97}, True, "0.970"),
        ({quantization.METRIC: 0.9}, False, "0.900, below 0.95: set quantize: none"),
        ({quantization.METRIC: None}, True, "cannot be compared"),
    ],
)
def test_the_check_warns_below_the_bound(tmp_path: Path, metrics: dict[str, Any], passed: bool, said: str) -> None:
    (tmp_path / "data" / "metrics").mkdir(parents=True)
    for asset, check in zip(("embeddings", "uncertainty_scores"), quantization_checks.build_checks(), strict=True):
        (tmp_path / "data" / "metrics" / f"{asset}.json").write_text(json.dumps(metrics))
        result = check(Workspace(tmp_path, params.parse("")))
        assert isinstance(result, dg.AssetCheckResult)
        assert result.passed == passed
        assert said in (result.description or "")
        assert passed or result.severity == dg.AssetCheckSeverity.WARN

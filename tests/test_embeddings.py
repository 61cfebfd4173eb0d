"""embeddings' own part: the text that stands for a record, and vectors that belong to the pool."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from assets import embeddings, encoding, tables
from assets.errors import DataError
from assets.workspace import Workspace

TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "params.yaml").write_text("")
    return Workspace.open(tmp_path)


def test_a_prompt_is_what_comes_before_the_last_answer() -> None:
    assert encoding.text_of(TURNS, "conversation") == "q\na"
    assert encoding.text_of(TURNS, "prompt") == "q"
    assert encoding.text_of(TURNS[:1], "prompt") == "q"
    assert encoding.text_of(TURNS[1:], "prompt") == "a"


def test_vectors_come_back_bit_for_bit(workspace: Workspace) -> None:
    array = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    ids = [f"{i:032x}" for i in range(5)]
    with tables.replacing(workspace.table("embeddings")) as fresh:
        embeddings.write(fresh, pa.chunked_array([ids]), array)
    assert np.array_equal(embeddings.aligned(workspace, ids), array)


def test_vectors_of_another_pool_are_refused(workspace: Workspace) -> None:
    with tables.replacing(workspace.table("embeddings")) as fresh:
        embeddings.write(fresh, pa.chunked_array([["a", "b"]]), np.ones((2, 3), np.float32))
    with pytest.raises(DataError, match="materialize embeddings again"):
        embeddings.aligned(workspace, ["b", "a"])

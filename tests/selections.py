"""Small pools with scores, clusters and vectors on disk, for the tests of selection."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from subsets import Row, pool_rows, write_pool

from assets import embeddings, params, statistics, tables
from assets.progress import Silent
from assets.selected_subset import read_pool
from assets.selection_columns import Columns
from assets.selection_inputs import Inputs, Previous, gather
from assets.workspace import Workspace
from orchestration.versions import Versions

Vectors = npt.NDArray[np.float32]


def texts_pool(texts: Sequence[str], label: str | None = None) -> list[Row]:
    """A row of one user turn for each text."""
    rows = pool_rows([label] * len(texts))
    for row, text in zip(rows, texts, strict=True):
        row["messages"] = [{"role": "user", "content": text}]
    return rows


def unit(rows: int, dimensions: int = 8, seed: int = 0) -> Vectors:
    """Random vectors of unit length."""
    drawn = np.random.default_rng(seed).normal(size=(rows, dimensions))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


def make(
    root: Path,
    rows: list[Row],
    settings: str = "",
    scores: Mapping[str, Any] | None = None,
    measured: Mapping[str, Any] | None = None,
    vectors: Vectors | None = None,
) -> Workspace:
    """The tables that `selected_subset` reads, in the order of `rows`; `measured` are statistics of cleaning.

    Without `scores` the probe predicted the labels, found entropies of 0, 1, 2, ... tenths and suspects nothing. The
    clusters are 0, 1, 2, 0, 1, ..., at the distances 0, 1, 2, ...
    """
    write_pool(root, rows)
    count, ids = len(rows), [row["id"] for row in rows]
    found: dict[str, Any] = {name: [None] * count for name in tables.SCORES.names}
    found |= {"target": ["label"] * count, "entropy": [row / 10 for row in range(count)]}
    found |= {"label_quality": [1.0] * count, **(scores or {}), "id": ids}
    clusters = {"id": ids, "cluster": [row % 3 for row in range(count)], "distance": list(range(count))}
    clusters |= {"x": [0.0] * count, "y": [0.0] * count}
    for name, table in (
        ("uncertainty_scores", pa.table(found, schema=tables.SCORES)),
        ("cluster_assignments", pa.table(clusters, schema=tables.CLUSTERS)),
    ):
        with tables.replacing(root / "data" / name) as folder:
            tables.write_parquet(table, folder / "part-00000.parquet")
    with tables.replacing(root / "data" / "embeddings") as folder:
        embeddings.write(folder, pa.chunked_array([ids]), unit(count) if vectors is None else vectors)
        tables.write_json(folder / "model.json", {"name": "none"})
    if measured:
        # Of all rows that were read, in the order in which they were: not that of the pool.
        table = pa.table(dict(measured))
        pq.write_table(table, root / "data" / "cleaned_data" / statistics.FILE)
    return Workspace(root, params.parse(settings))


def columns(workspace: Workspace) -> Columns:
    """The pool's columns."""
    return read_pool(workspace)[0]


def gathered(workspace: Workspace, previous: Previous | None = None) -> Inputs:
    """What the optimiser would get."""
    known, vectors = read_pool(workspace)
    return gather(
        known,
        vectors,
        workspace.params.selected_subset,
        workspace,
        Silent(),
        Versions(workspace.root),
        previous,
        workspace.content_hash("cleaned_data"),
    )

"""cluster_assignments: the cluster of each record, its distance to the centre, and a position to draw it at."""

from collections import Counter
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa

from assets import code, embeddings, materializing, plots, reporting, tables
from assets.errors import DataError
from assets.methods import diversity
from assets.progress import Progress
from assets.reporting import Report
from assets.workspace import Workspace


@dg.asset(
    deps=["cleaned_data", "embeddings"],
    group_name="selection",
    kinds={"scikitlearn", "parquet"},
    code_version=code.code_version("cluster_assignments"),
    pool="workspace",
)
def cluster_assignments(
    workspace: dg.ResourceParam[Workspace], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """k-means over the embeddings: the cluster of each record, its distance to the centre and a 2-D position."""
    return materializing.materialize(
        workspace,
        "cluster_assignments",
        lambda folder: _produce(workspace, progress, folder),
        upstream=["cleaned_data", "embeddings"],
        settings=["cluster_assignments"],
    )


def _produce(workspace: Workspace, progress: Progress, folder: Path) -> Report:
    settings = workspace.params.cluster_assignments
    ids = tables.read(workspace.require("cleaned_data"), ["id"]).column("id").to_pylist()
    vectors = embeddings.aligned(workspace, ids)
    clusters = diversity.default_clusters(len(ids)) if settings.clusters == "auto" else settings.clusters
    if clusters > len(ids):
        raise DataError(
            f"cluster_assignments.clusters: expected at most {len(ids)}, the rows of the pool, not {clusters}"
        )
    with progress.task("clustering", None) as advance:
        clustering = diversity.cluster(vectors, clusters, settings.iterations, workspace.params.seed)
        positions = diversity.positions(vectors)
        advance(len(ids))
    table = pa.table(
        {
            "id": ids,
            "cluster": clustering.assignment,
            "distance": clustering.distance,
            "x": positions[:, 0],
            "y": positions[:, 1],
        },
        schema=tables.CLUSTERS,
    )
    writer = tables.ShardWriter(folder, tables.CLUSTERS)
    writer.write(table)
    writer.close()
    return report(table, clustering.notes)


def report(table: pa.Table, notes: tuple[str, ...]) -> Report:
    """What there is to say about the clusters."""
    assignment = table.column("cluster").to_numpy()
    sizes = sorted(Counter(assignment.tolist()).values(), reverse=True)
    distance = table.column("distance").to_numpy()
    positions = np.column_stack([table.column("x").to_numpy(), table.column("y").to_numpy()])
    return Report(
        rows=table.num_rows,
        facts={
            "clusters": len(sizes),
            "largest cluster": sizes[0],
            "smallest cluster": sizes[-1],
            "notes": "; ".join(notes) or "none",
            "mean distance to the centre": float(distance.mean()),
            "direction of distance": "Euclidean, 0 to 2; higher = farther from what is typical of the cluster",
        },
        preview=reporting.preview(table.slice(0, reporting.PREVIEW_ROWS).to_pylist()),
        schema=reporting.columns(tables.CLUSTERS),
        pictures={
            "map": reporting.picture(plots.scatter(positions, assignment)),
            "distance": reporting.picture(plots.histogram(distance, "distance to the centre")),
        },
        metrics={"clusters": len(sizes), "mean_distance": float(distance.mean())},
    )

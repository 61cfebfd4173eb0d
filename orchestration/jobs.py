"""The jobs: select a subset, and go back to an earlier one."""

from typing import Any

import dagster as dg

from assets import tables
from assets.materializing import one_line_failures
from assets.workspace import Workspace
from orchestration.versions import Versions

DATA_ASSETS = (
    "raw_data",
    "cleaned_data",
    "embeddings",
    "uncertainty_scores",
    "cluster_assignments",
    "selected_subset",
)

select_subset = dg.define_asset_job(
    "select_subset",
    selection=dg.AssetSelection.all(),
    description="Materialize the whole graph, run the checks, and register the subset as a version if it is new.",
)


class RollbackConfig(dg.Config):
    """Which version to go back to."""

    version: str
    overwrite_params: bool = False


@dg.op(pool="workspace", description="Restore the subset, the settings and the lock of a version.")
def restore_version(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    workspace: dg.ResourceParam[Workspace],
    versions: dg.ResourceParam[Versions],
) -> str:
    """Restore a version and tell Dagster what the tables now hold."""
    with one_line_failures():
        rollback = versions.rollback(config.version, overwrite_params=config.overwrite_params)
    if rollback.params_copy:
        context.log.warning(f"your edited params.yaml was kept as {rollback.params_copy.name}")
    for name in DATA_ASSETS:
        if workspace.table(name).is_dir():
            content = tables.content_hash(workspace.table(name))
            context.log_event(_materialization(name, content, rollback.version.name))
    return rollback.version.name


def _materialization(name: str, content: str, version: str) -> dg.AssetMaterialization:
    metadata: dict[str, Any] = {"restored from": version, "path": dg.MetadataValue.path(f"data/{name}")}
    return dg.AssetMaterialization(name, metadata=metadata, tags={"dagster/data_version": content})


@dg.job(
    description="Go back to an earlier version: its subset, settings and lock. Config: the version, such as v1.0.0."
)
def rollback_subset() -> None:
    """Go back to an earlier version."""
    restore_version()

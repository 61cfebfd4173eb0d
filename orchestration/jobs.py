"""The jobs: select a subset, and go back to an earlier one."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from assets import tables
from assets.materializing import one_line_failures
from assets.versioning import Version
from assets.workspace import Workspace
from orchestration.versions import Versions

DATA_VERSION_TAG = "dagster/data_version"
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

    version: str = Field(description="Such as v1.0.0, or latest; `pickwise versions` lists them.")
    overwrite_params: bool = Field(
        default=False, description="Give up edits of params.yaml that no version holds; a copy is kept."
    )


@dg.op(pool="workspace", description="Restore the subset, the settings and the lock of a version.")
def restore_version(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    workspace: dg.ResourceParam[Workspace],
    versions: dg.ResourceParam[Versions],
) -> None:
    """Restore a version and tell Dagster what the tables now hold."""
    with one_line_failures():
        rollback = versions.rollback(config.version, overwrite_params=config.overwrite_params)
    if rollback.params_copy:
        context.log.warning(f"your edited params.yaml was kept as {rollback.params_copy.name}")
    for event in _materializations(workspace, rollback.version):
        context.log_event(event)


def _materializations(workspace: Workspace, version: Version) -> Iterator[dg.AssetMaterialization]:
    """What every asset now holds, so that its page shows the restored content and Dagster knows its data version."""
    for name in DATA_ASSETS:
        folder = workspace.table(name)
        rows = version.identity.rows if name == "selected_subset" else tables.count_rows(folder)
        if folder.is_dir():
            yield dg.AssetMaterialization(
                name,
                metadata={
                    "restored from": version.name,
                    "path": dg.MetadataValue.path(f"data/{name}"),
                    "dagster/row_count": rows,
                },
                tags={DATA_VERSION_TAG: workspace.content_hash(name)},
            )
    yield dg.AssetMaterialization(
        "subset_version",
        metadata={
            "version": version.name,
            "new": False,
            "why": "rolled back",
            "tag": version.tag,
            "commit": version.commit,
            "summary": version.identity.summary,
            "dagster/row_count": version.identity.rows,
        },
        tags={DATA_VERSION_TAG: version.identity.rows_hash},
    )


@dg.job(
    description="Go back to an earlier version: its subset, settings and lock. Config: the version, such as v1.0.0."
)
def rollback_subset() -> None:
    """Go back to an earlier version."""
    restore_version()

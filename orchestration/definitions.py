"""Everything Dagster needs to know, put together in one place."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets import params
from assets.cleaned_data import cleaned_data
from assets.cluster_assignments import cluster_assignments
from assets.embeddings import embeddings
from assets.raw_data import raw_data
from assets.selected_subset import selected_subset
from assets.subset_version import subset_version
from assets.uncertainty_scores import uncertainty_scores
from assets.workspace import SETTINGS
from orchestration import resources, schedules, sensors
from orchestration.checks import build_checks
from orchestration.jobs import rollback_subset, select_subset

ASSETS = [
    raw_data,
    cleaned_data,
    embeddings,
    uncertainty_scores,
    cluster_assignments,
    selected_subset,
    subset_version,
]


def build_defs(
    jobs: Sequence[Any] = (select_subset, rollback_subset),
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
    **overrides: Any,
) -> dg.Definitions:
    """The definitions; keyword arguments replace resources by name (the command line brings its own progress)."""
    settings = params.load(resources.project_root() / SETTINGS)
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=build_checks(),
        jobs=jobs,
        schedules=[schedules.recurring_selection(settings.schedule)],
        sensors=[sensors.new_source_data, sensors.dead_runs],
        resources={
            "workspace": resources.workspace_resource,
            "progress": resources.log_progress_resource,
            "versions": resources.versions_resource,
            **overrides,
        },
        # One process: every step would otherwise start its own and import torch again; a run is a process anyway.
        executor=dg.in_process_executor,
        loggers=loggers,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dg` and the webserver load."""
    return build_defs()

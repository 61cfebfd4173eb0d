"""When to select again without being asked: when the sources change."""

import dagster as dg

from assets.errors import PickwiseError
from assets.raw_data import source_fingerprint
from assets.workspace import Workspace
from orchestration.jobs import select_subset
from orchestration.resources import project_root


@dg.sensor(job=select_subset, minimum_interval_seconds=60)
def new_source_data(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Select again when the content of any source has changed; the cursor is the hash of that content."""
    try:
        fingerprint = source_fingerprint(Workspace.open(project_root()))
    except PickwiseError as error:
        return dg.SkipReason(str(error))
    if fingerprint == context.cursor:
        return dg.SkipReason("the sources have not changed")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=fingerprint)], cursor=fingerprint)

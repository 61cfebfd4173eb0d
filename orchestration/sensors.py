"""When to act without being asked: select again when the sources change, and tidy up after runs that were killed."""

import dagster as dg

from assets import raw_data
from assets.errors import PickwiseError
from assets.workspace import Workspace
from orchestration.jobs import select_subset
from orchestration.liveness import close_dead_runs
from orchestration.resources import project_root

UNFINISHED = dg.RunsFilter(
    statuses=[dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
)


@dg.sensor(
    job=select_subset,
    minimum_interval_seconds=60,
    description="Selects again when the content of a source has changed; an unchanged subset makes no new version.",
)
def new_source_data(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Select again when the content of any source has changed; the cursor is the hash of that content."""
    if context.instance.get_run_records(UNFINISHED, limit=1):
        # Else sources that grow all the time would pile up runs.
        return dg.SkipReason("a run is waiting or at work; the sources are looked at again after it")
    try:
        workspace = Workspace.open(project_root())
        fingerprint = raw_data.source_fingerprint(workspace)
        is_known = fingerprint == context.cursor
        # When it is turned on, what was read before need not be read again.
        is_read = not is_known and not context.cursor and raw_data.is_up_to_date(workspace, fingerprint)
    except PickwiseError as error:
        return dg.SkipReason(str(error))
    if is_known:
        return dg.SkipReason("the sources have not changed")
    if is_read:
        return dg.SensorResult(skip_reason="raw_data holds these very sources already", cursor=fingerprint)
    # Without a run key: sources may go back to what they were, which Dagster would take for done.
    return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=fingerprint)


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks runs as failed whose process was killed, so that others need not wait for them.",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Close the runs whose process is gone."""
    closed = close_dead_runs(context.instance, project_root())
    return dg.SkipReason(f"closed {', '.join(closed)}" if closed else "every run is alive")

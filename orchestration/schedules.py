"""When to select again without being asked: on a clock."""

import dagster as dg

from assets.params import Schedule
from orchestration.jobs import select_subset


def recurring_selection(settings: Schedule) -> dg.ScheduleDefinition:
    """Select a subset by the cron line in `params.yaml`. Stopped until somebody turns it on."""
    return dg.ScheduleDefinition(
        name="recurring_selection",
        job=select_subset,
        cron_schedule=settings.cron,
        execution_timezone=settings.timezone,
        description="Selects again by the clock; an unchanged subset makes no new version.",
    )

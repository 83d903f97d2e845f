"""What starts attendance's job by itself: the sensor for new files."""

from collections.abc import Iterator

import dagster as dg

from orchestration.attendance.contract import load_contract
from orchestration.attendance.ingest import DOMAIN
from orchestration.attendance.kinds import examine
from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import incoming_prefix
from orchestration.core.partitions import to_partition_key
from orchestration.core.settings import Mode, Settings
from orchestration.core.storage import open_storage

LANDING_OP = f"{DOMAIN}__landing_files"


def source_run_config(source: str) -> dict[str, object]:
    """Run configuration that names where the files come from."""
    return {"ops": {LANDING_OP: {"config": {"source": source}}}}


def build_new_file_sensor(job: object, settings: Settings) -> dg.SensorDefinition:
    """Requests a run for each quarter that a new file in the landing zone's `incoming/` tells of."""
    landing, prefix = open_storage(settings.landing, settings), incoming_prefix(DOMAIN)
    folder = landing.location(prefix)
    is_on = settings.mode is Mode.PRODUCTION

    @dg.sensor(
        name=f"{DOMAIN}_new_file",
        job=job,  # type: ignore[arg-type]
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description=f"Watches {folder}: the days inside a file say which quarter it is of.",
    )
    def new_file(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        files = landing.list_files(prefix)
        seen = set((context.cursor or "").split("\n"))
        marks = {f"{file.key}-{file.version}": file.key for file in files}
        requests = [
            request for mark, key in marks.items() if mark not in seen for request in requests_of(mark, key, context)
        ]
        if not requests:
            return dg.SkipReason(f"No new attendance file in {folder}.")
        return dg.SensorResult(run_requests=requests, cursor="\n".join(marks))

    def requests_of(mark: str, key: str, context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest]:
        location = landing.location(key)
        try:
            with landing.local_copy(key) as path:
                examined = examine(path, load_contract(), location, settings.academic_year_start_month)
            for quarter in examined.quarters:
                yield dg.RunRequest(
                    run_key=f"{quarter}-{mark}",
                    partition_key=to_partition_key(quarter, settings),
                    run_config=source_run_config(location),
                    # What has just arrived goes before a backfill that waits in the queue.
                    tags={"dagster/priority": "1"},
                )
        except QuarterdeckError as error:
            context.log.warning(f"{error} It is left alone.")

    return new_file

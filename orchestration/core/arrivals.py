"""The sensor that starts a domain's job for files dropped into its `incoming/` folder."""

from collections.abc import Callable, Iterable

import dagster as dg

from orchestration.core.domain_assets import source_run_config
from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import incoming_prefix
from orchestration.core.partitions import Quarter, to_partition_key
from orchestration.core.settings import Mode, Settings
from orchestration.core.storage import Storage, StoredFile, open_storage

# What has just arrived goes before a backfill that waits in the queue.
ARRIVALS_FIRST = {"dagster/priority": "1"}


def sensor_status(settings: Settings) -> dg.DefaultSensorStatus:
    """Sensors are on from the start in production and test."""
    is_on = settings.mode in (Mode.PRODUCTION, Mode.TEST)
    return dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED


def build_new_file_sensor(
    domain: str,
    job: object,
    settings: Settings,
    *,
    says: str,
    quarters_of: Callable[[Storage, StoredFile], Iterable[Quarter]],
) -> dg.SensorDefinition:
    """Requests a run for each quarter that a new file in the landing zone's `incoming/` tells of.

    Args:
        says: what says which quarter a file is of, in words.
        quarters_of: those quarters; a QuarterdeckError where the file is left alone.
    """
    landing, prefix = open_storage(settings.landing, settings), incoming_prefix(domain)
    folder = landing.location(prefix)

    @dg.sensor(
        name=f"{domain}_new_file",
        job=job,  # type: ignore[arg-type]
        minimum_interval_seconds=30,
        default_status=sensor_status(settings),
        description=f"Watches {folder}: {says}.",
    )
    def new_file(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        # The version makes a corrected file under the same name a new one.
        files = {f"{file.key}-{file.version}": file for file in landing.list_files(prefix)}
        seen = set((context.cursor or "").split("\n"))
        requests = []
        for mark in files.keys() - seen:
            location = landing.location(files[mark].key)
            try:
                requests += [
                    dg.RunRequest(
                        run_key=f"{quarter}-{mark}",
                        partition_key=to_partition_key(quarter, settings),
                        run_config=source_run_config(domain, location),
                        tags=ARRIVALS_FIRST,
                    )
                    for quarter in quarters_of(landing, files[mark])
                ]
            except QuarterdeckError as error:
                context.log.warning(f"{error} It is left alone.")
        requests.sort(key=lambda request: str(request.run_key))
        nothing = None if requests else dg.SkipReason(f"No new file that can be loaded in {folder}.")
        return dg.SensorResult(run_requests=requests, skip_reason=nothing, cursor="\n".join(sorted(files)))

    return new_file

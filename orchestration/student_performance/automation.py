"""What starts the domain's job by itself: the quarterly schedule and the sensors for new files and Kaggle versions."""

from pathlib import PurePosixPath

import dagster as dg

from orchestration.core import arrivals
from orchestration.core.arrivals import ARRIVALS_FIRST, sensor_status
from orchestration.core.domain_assets import source_run_config
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter, current_quarter, quarterly_cron, to_partition_key
from orchestration.core.settings import Mode, Settings
from orchestration.core.storage import Storage, StoredFile
from orchestration.student_performance import kaggle
from orchestration.student_performance.ingest import DOMAIN, file_quarter


def build_schedule(job: object, settings: Settings) -> dg.ScheduleDefinition:
    """Midnight (UTC) on the first day of each quarter, for the quarter that has just ended.

    In mode `test` it runs every minute, for the running quarter. It is on from the start in production and test.
    """
    is_test = settings.mode is Mode.TEST

    @dg.schedule(
        name=f"{DOMAIN}_quarterly",
        job=job,  # type: ignore[arg-type]
        cron_schedule="* * * * *" if is_test else quarterly_cron(settings.academic_year_start_month),
        execution_timezone="UTC",
        default_status=_default_schedule_status(settings),
        description="Loads the quarter that has just ended (in mode test: the running one, every minute).",
    )
    def quarterly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        quarter = current_quarter(settings) if is_test else current_quarter(settings).plus(-1)
        return dg.RunRequest(
            run_key=f"{quarter}-{context.scheduled_execution_time:%Y%m%dT%H%M}",
            partition_key=to_partition_key(quarter, settings),
            run_config=source_run_config(DOMAIN, "auto"),
            tags=ARRIVALS_FIRST,
        )

    return quarterly


def build_new_file_sensor(job: object, settings: Settings) -> dg.SensorDefinition:
    """Requests a run for each new file that is named or foldered by its quarter."""

    def quarters_of(landing: Storage, file: StoredFile) -> list[Quarter]:
        quarter = file_quarter(PurePosixPath(file.key))
        if quarter is None:
            raise QuarterdeckError(
                f"{landing.location(file.key)}: neither its name nor its folder says a quarter such as 2026Q4."
            )
        return [quarter]

    return arrivals.build_new_file_sensor(
        DOMAIN,
        job,
        settings,
        says="a file whose name or folder says 2026Q4 is loaded as that quarter",
        quarters_of=quarters_of,
    )


def build_kaggle_sensor(job: object, settings: Settings) -> dg.SensorDefinition:
    """Requests a run for the running quarter when the Kaggle data set has a new version."""

    @dg.sensor(
        name=f"{DOMAIN}_new_kaggle_version",
        job=job,  # type: ignore[arg-type]
        minimum_interval_seconds=6 * 60 * 60,
        default_status=sensor_status(settings),
        description=f"Watches the version of {settings.kaggle_dataset} on Kaggle.",
    )
    def new_kaggle_version(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not kaggle.is_reachable(timeout_seconds=settings.kaggle_probe_seconds):
            return dg.SkipReason("Kaggle cannot be reached from here.")
        version = kaggle.latest_version(settings.kaggle_dataset)
        if version is None or version == context.cursor:
            return dg.SkipReason(f"No new version of {settings.kaggle_dataset}.")
        request = dg.RunRequest(
            run_key=f"{settings.kaggle_dataset}-{version}",
            partition_key=to_partition_key(current_quarter(settings), settings),
            run_config=source_run_config(DOMAIN, "kaggle"),
            tags=ARRIVALS_FIRST,
        )
        return dg.SensorResult(run_requests=[request], cursor=version)

    return new_kaggle_version


def _default_schedule_status(settings: Settings) -> dg.DefaultScheduleStatus:
    on = settings.mode in (Mode.PRODUCTION, Mode.TEST)
    return dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED

"""What starts attendance's job by itself: the sensor for new files."""

from collections.abc import Iterable

import dagster as dg

from orchestration.attendance.contract import load_contract
from orchestration.attendance.ingest import DOMAIN
from orchestration.attendance.kinds import examine
from orchestration.core import arrivals
from orchestration.core.partitions import Quarter
from orchestration.core.settings import Settings
from orchestration.core.storage import Storage, StoredFile


def build_new_file_sensor(job: object, settings: Settings) -> dg.SensorDefinition:
    """Requests a run for each quarter that a new file tells of."""

    def quarters_of(landing: Storage, file: StoredFile) -> Iterable[Quarter]:
        with landing.local_copy(file.key) as path:
            return examine(
                path, load_contract(), landing.location(file.key), settings.academic_year_start_month
            ).quarters

    return arrivals.build_new_file_sensor(
        DOMAIN, job, settings, says="the days inside a file say which quarter it is of", quarters_of=quarters_of
    )

"""What the schedule and the sensors ask for."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from orchestration.core.bucket import Bucket
from orchestration.core.landing import incoming_prefix
from orchestration.core.partitions import current_quarter, to_partition_key
from orchestration.core.settings import Mode, Settings
from orchestration.core.storage import open_storage, sha256_of
from orchestration.definitions import build_definitions
from orchestration.student_performance import kaggle
from orchestration.student_performance.automation import (
    build_kaggle_sensor,
    build_new_file_sensor,
    build_schedule,
)
from tests.storage_server import StorageServer

JOB = dg.define_asset_job("student_performance_refresh")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    """The real job, which a request's quarter is checked against."""
    return build_definitions(Settings(home=tmp_path_factory.mktemp("automation"))).get_repository_def()


def requests(
    sensor: dg.SensorDefinition, repository: dg.RepositoryDefinition, cursor: str | None = None
) -> list[dg.RunRequest]:
    context = dg.build_sensor_context(repository_def=repository, cursor=cursor)
    return list(sensor.evaluate_tick(context).run_requests or [])


def test_schedule_loads_the_quarter_that_has_just_ended_and_is_on_in_production(
    repository: dg.RepositoryDefinition,
) -> None:
    settings = Settings(mode=Mode.PRODUCTION)
    schedule = build_schedule(JOB, settings)
    assert schedule.cron_schedule == "0 0 1 */3 *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    tick = schedule.evaluate_tick(
        dg.build_schedule_context(scheduled_execution_time=datetime.now(UTC), repository_def=repository)
    )
    assert tick.run_requests is not None
    assert tick.run_requests[0].tags["dagster/priority"] == "1"
    assert tick.run_requests[0].partition_key == to_partition_key(current_quarter(settings).plus(-1), settings)


def test_in_mode_test_the_schedule_runs_every_minute_and_in_development_it_is_off() -> None:
    assert build_schedule(JOB, Settings(mode=Mode.TEST)).cron_schedule == "* * * * *"
    assert build_schedule(JOB, Settings()).default_status is dg.DefaultScheduleStatus.STOPPED


def test_new_file_asks_for_its_quarter_and_a_corrected_one_again(
    tmp_path: Path, repository: dg.RepositoryDefinition
) -> None:
    settings = Settings(home=tmp_path)
    sensor = build_new_file_sensor(JOB, settings)
    assert requests(sensor, repository) == []
    folder = Path(settings.landing) / incoming_prefix("student_performance")
    (folder / "2026Q1").mkdir(parents=True)
    (folder / "results 2026Q2.csv").write_text("x")
    (folder / "2026Q1" / "results.csv").write_text("y")
    (folder / "no quarter.csv").write_text("z")
    found = {request.partition_key: request for request in requests(sensor, repository)}
    assert set(found) == {"2026-04-01", "2026-01-01"}
    first = found["2026-04-01"]
    assert first.tags["dagster/priority"] == "1"
    assert first.run_config["ops"]["student_performance__landing_files"]["config"]["source"].endswith("2026Q2.csv")
    assert {request.run_key for request in requests(sensor, repository)} == {
        request.run_key for request in found.values()
    }
    (folder / "results 2026Q2.csv").write_text("corrected")
    assert first.run_key not in {request.run_key for request in requests(sensor, repository)}


def test_new_file_in_a_store_is_recognised_by_its_version_without_a_download(
    repository: dg.RepositoryDefinition, storage_server: StorageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(landing_dir=f"s3://{storage_server.new_bucket()}/landing", **storage_server.environment)
    landing, path = open_storage(settings.landing, settings), tmp_path / "results.csv"
    key = f"{incoming_prefix('student_performance')}/2026Q1/results.csv"
    monkeypatch.setattr(Bucket, "_download", lambda *_: pytest.fail("The sensor downloaded a file."))
    sensor = build_new_file_sensor(JOB, settings)
    run_keys = []
    for content in ("first", "first", "corrected"):
        path.write_text(content)
        landing.put(key, path, sha256_of(path))
        found = requests(sensor, repository)
        assert [request.partition_key for request in found] == ["2026-01-01"]
        assert found[0].run_config["ops"]["student_performance__landing_files"]["config"] == {
            "source": landing.location(key)
        }
        run_keys.append(found[0].run_key)
    assert run_keys[0] == run_keys[1] != run_keys[2]


def test_new_kaggle_version_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch, repository: dg.RepositoryDefinition
) -> None:
    sensor = build_kaggle_sensor(JOB, Settings())
    monkeypatch.setattr(kaggle, "is_reachable", lambda timeout_seconds: True)
    monkeypatch.setattr(kaggle, "latest_version", lambda dataset: "version 2")
    assert requests(sensor, repository, "version 2") == []
    assert len(requests(sensor, repository, "version 1")) == 1
    monkeypatch.setattr(kaggle, "is_reachable", lambda timeout_seconds: False)
    assert requests(sensor, repository, "version 1") == []

"""The hourly look and the platform's job, on a real database."""

from collections.abc import Iterator

import dagster as dg
import pytest

from orchestration.core.monitoring.rules import SEEDS
from orchestration.core.postgres import open_database, remove_embedded
from orchestration.core.resources import Platform
from orchestration.core.settings import Mode, Settings
from orchestration.definitions import build_definitions


def platform_of(chosen: Settings) -> Platform:
    """The platform of other settings than the process's."""

    class Elsewhere(Platform):
        @property
        def settings(self) -> Settings:
            return chosen

    return Elsewhere()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    made = Settings(home=tmp_path_factory.mktemp("sensor"), mode=Mode.PRODUCTION)
    yield made
    remove_embedded(made)


@pytest.fixture(scope="module")
def definitions(settings: Settings) -> dg.Definitions:
    return build_definitions(settings, resources={"platform": platform_of(settings)})


def test_the_sensor_looks_and_asks_for_the_seeds_once(settings: Settings, definitions: dg.Definitions) -> None:
    database = open_database(settings)
    with database.connect() as connection:
        connection.execute(
            "insert into platform.landing_files values ('old', 'clean', 'old.csv', 'old', 1, 'file', now());"
            "insert into platform.quarter_files (domain, quarter, source_file_id, assigned_at) "
            "values ('clean', '2020Q1', 'old', '2020-04-01')"
        )
    repository = definitions.get_repository_def()
    sensor = repository.get_sensor_def("platform_watch")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    keys = set()
    for _ in range(2):
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(
                instance=instance, repository_def=repository, resources={"platform": platform_of(settings)}
            ) as context,
        ):
            keys |= {request.run_key for request in sensor.evaluate_tick(context).run_requests or []}
    assert len(keys) == 1
    with database.connect() as connection:
        alerts = connection.execute("select key, closed_at is null from platform.alerts").fetchall()
    assert alerts == [("freshness clean", True)]
    assert (settings.home / "metrics" / "quarterdeck.prom").exists()


def test_the_job_loads_and_tests_the_seeds(settings: Settings, definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("platform_refresh").execute_in_process(instance=instance)
        assert result.success
        checks = [
            event for event in result.all_events if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]
    assert len(checks) > 20
    assert all(event.asset_check_evaluation_data.passed for event in checks)
    with open_database(settings).connect() as connection:
        for name in ("price_list", "budgets", "anomaly_rules"):
            rows = connection.execute(f"select count(*) from platform_staging.{name}").fetchone()
            assert rows == (len((SEEDS / f"{name}.csv").read_text().splitlines()) - 1,)

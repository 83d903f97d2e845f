"""Dagster's instance, made anew by every container on the same database."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.core.instance import DATABASE_WRITERS, prepare_instance
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings


def test_a_second_home_on_the_same_database_is_prepared_and_a_changed_limit_holds(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Put back after the test, whatever is set in it.
    for name in ("DAGSTER_HOME", "QUARTERDECK_DAGSTER_URL", "DAGSTER_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")
    for home, writers in (("first", 2), ("second", 2), ("second", 3)):
        settings = Settings(home=tmp_path / home, database_writers=writers)
        with dg.DagsterInstance.from_config(str(prepare_instance(settings, database))) as instance:
            [pool] = instance.event_log_storage.get_pool_limits()
            assert (pool.name, pool.limit, pool.from_default) == (DATABASE_WRITERS, writers, True)

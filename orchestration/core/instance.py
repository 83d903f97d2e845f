"""Dagster's instance: one run storage, in Postgres, for runs made by the command and by the UI alike."""

import os
from pathlib import Path

from orchestration.core.postgres import Database
from orchestration.core.settings import Settings

DAGSTER_URL_VARIABLE = "QUARTERDECK_DAGSTER_URL"

# The address stays in the environment: a password has no place in a file.
INSTANCE_YAML = f"""\
storage:
  postgres:
    postgres_url:
      env: {DAGSTER_URL_VARIABLE}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 2
telemetry:
  enabled: false
"""


def prepare_instance(settings: Settings, database: Database) -> Path:
    """Write Dagster's instance file and point this process, and so its children, at it; returns DAGSTER_HOME."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    instance_file = home / "dagster.yaml"
    if not instance_file.exists() or instance_file.read_text() != INSTANCE_YAML:
        instance_file.write_text(INSTANCE_YAML)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[DAGSTER_URL_VARIABLE] = database.dagster_url()
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    return home

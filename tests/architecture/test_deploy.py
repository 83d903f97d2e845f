"""The Kubernetes values say the same as the instance of one machine, in terms that Dagster accepts."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import dagster_instance_config
from dagster_k8s import K8sRunLauncher

from orchestration.core.instance import instance_config
from orchestration.core.settings import Settings
from tests.conftest import PROJECT_ROOT

KUBERNETES = PROJECT_ROOT / "deploy" / "kubernetes"


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return dict(yaml.safe_load((KUBERNETES / "values.yaml").read_text()))


def snake_case(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()


def launcher_config(values: dict[str, Any]) -> dict[str, Any]:
    """What the chart makes of `k8sRunLauncher`: the same names in snake case."""
    given = {snake_case(name): value for name, value in values["runLauncher"]["config"]["k8sRunLauncher"].items()}
    given["run_k8s_config"] = {snake_case(name): value for name, value in given["run_k8s_config"].items()}
    return given


def test_limits_retries_and_monitoring_are_those_of_one_machine(values: dict[str, Any]) -> None:
    here = instance_config(Settings(_env_file=None))  # type: ignore[call-arg]
    assert values["additionalInstanceConfig"] == {name: here[name] for name in ("concurrency", "run_retries")}
    monitoring = values["dagsterDaemon"]["runMonitoring"]
    assert {snake_case(name): value for name, value in monitoring.items()} == here["run_monitoring"]
    assert values["dagsterDaemon"]["runCoordinator"]["type"] == here["run_coordinator"]["class"]
    assert values["telemetry"] == here["telemetry"]


def test_dagster_accepts_the_instance_and_the_launcher(values: dict[str, Any], tmp_path: Path) -> None:
    instance = {
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": launcher_config(values)},
        **values["additionalInstanceConfig"],
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(instance))
    dagster_instance_config(str(tmp_path))
    required = {"service_account_name": "dagster", "instance_config_map": "i", "postgres_password_secret": "s"}
    checked = process_config(
        resolve_to_config_type(K8sRunLauncher.config_type()),
        {**required, "dagster_home": "/opt/dagster", **launcher_config(values)},
    )
    assert checked.success, checked.errors


def test_every_variable_is_a_setting_and_none_is_a_secret(values: dict[str, Any]) -> None:
    [deployment] = values["dagster-user-deployments"]["deployments"]
    known = {f"QUARTERDECK_{name.upper()}" for name in Settings.model_fields}
    assert set(deployment["env"]) - known == set()
    assert "QUARTERDECK_DATABASE_URL" not in deployment["env"]
    assert deployment["includeConfigInLaunchedRuns"]["enabled"]
    assert "password" not in str(values).lower().replace("generatepostgresqlpasswordsecret", "")


def test_the_readme_names_the_version_of_dagster_in_use() -> None:
    assert f"--version {version('dagster')} " in (KUBERNETES / "README.md").read_text()

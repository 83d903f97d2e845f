"""dbt in this process: the project, its manifest, the arguments of a build, and running it.

dbt runs through its own `dbtRunner`: a `dbt` process of its own takes seconds to import and to parse what is parsed here
already, several times a run. The Dagster assets are in `dbt_assets.py`.

Docs: https://docs.dagster.io/integrations/libraries/dbt, https://docs.getdbt.com/reference/programmatic-invocations
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from filelock import FileLock

from orchestration.core import spark
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, parse_database
from orchestration.core.roles import Role
from orchestration.core.settings import PROJECT_ROOT, Settings

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
# In these, a folder for each domain.
DOMAIN_FOLDERS = ("models", "seeds", "tests")
# The events that dagster-dbt makes Dagster's events from; of the others there are ten times as many.
RESULT_EVENTS = ("LogSeedResult", "LogModelResult", "LogSnapshotResult", "LogTestResult")


def target_dir(settings: Settings, purpose: str) -> Path:
    """Folder of dbt's artifacts for one purpose; fixed, so that partial parsing works and nothing piles up."""
    return settings.home / "dbt" / purpose


def invoke(
    settings: Settings,
    database: Database,
    purpose: str,
    arguments: Sequence[str],
    *,
    manifest: Any = None,
    callbacks: Sequence[Callable[[Any], None]] = (),
) -> dbtRunnerResult:
    """Run a dbt command in this process; its artifacts and log go to the folder of `purpose`."""
    target = target_dir(settings, purpose)
    # The profile reads the database from the environment, so that no address or password is in a file.
    database = database.as_role(Role.TRANSFORMER)
    os.environ.update({**database.dbt_environment(), **spark.dbt_environment(settings)})
    flags = {
        "--project-dir": PROJECT_DIR,
        "--profiles-dir": PROJECT_DIR,
        "--target-path": target,
        "--log-path": target / "logs",
        "--target": settings.engine.value,
    }
    places = [str(part) for flag in flags.items() for part in flag]
    return dbtRunner(manifest=manifest, callbacks=list(callbacks)).invoke(["--quiet", *arguments, *places])


def explain(result: dbtRunnerResult, target: Path) -> str:
    """Why a dbt command failed, in dbt's words."""
    if result.exception is not None:
        return str(result.exception).strip()[:3000]
    return "; ".join(failed_nodes(result)) or "dbt did not say why; its log is in " + str(target / "logs")


def build_arguments(
    quarters: Sequence[Quarter],
    dbt_vars: Mapping[str, Any],
    command: Sequence[str] = ("build",),
    *,
    is_last_step: bool = True,
) -> list[str]:
    """Arguments of a dbt command for these quarters.

    Unit tests check the SQL's rules on fixed rows, so they belong to `make test`, not to a quarter's run.
    """
    variables = {**dbt_vars, "quarters": [str(quarter) for quarter in sorted(quarters)]}
    arguments = [*command, "--vars", json.dumps(variables, sort_keys=True)]
    if command[0] != "build":
        return arguments
    # A test that compares an early and a late model can only run in the step that builds the late one.
    reach = "eager" if is_last_step else "buildable"
    return [*arguments, "--exclude-resource-type", "unit_test", "--indirect-selection", reach]


def project_fingerprint(settings: Settings, dbt_vars: Mapping[str, Any], domain: str | None = None) -> str:
    """Hash of everything that a manifest is made from: the project's files, the variables, the engine and dbt itself.

    domain: leave out the models, seeds and tests of others.
    """
    versions = [version(name) for name in ("dbt-core", "dbt-postgres")]
    digest = hashlib.sha256(json.dumps([dbt_vars, versions, settings.engine], sort_keys=True).encode())
    for path in sorted(PROJECT_DIR.rglob("*")):
        inside = path.relative_to(PROJECT_DIR)
        folder = inside.parts[1] if len(inside.parts) > 2 and inside.parts[0] in DOMAIN_FOLDERS else None
        if domain and folder not in (None, domain, "_docs"):
            continue
        if path.is_file() and inside.parts[0] not in {"target", "logs", "dbt_packages"}:
            digest.update(str(inside).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class ParsedProject:
    """The dbt project as parsed: `manifest` is dbt's own object, for its commands; `nodes` is the same as plain dicts."""

    manifest: Manifest
    nodes: dict[str, Any]


def parsed_project(settings: Settings, dbt_vars: Mapping[str, Any]) -> ParsedProject:
    """The project, parsed by dbt only if something that it is made from changed: reading the result takes a tenth of that.

    The quarters are no part of it: they are only looked at when a model is compiled.

    Raises:
        QuarterdeckError: the project does not parse; dbt's own words are in the message.
    """
    # Names of relations hold the name of the database.
    fingerprint = f"{project_fingerprint(settings, dbt_vars)} {parse_database(settings).parameters['dbname']}"
    key = (settings.home, fingerprint)
    if key not in _parsed:
        folder = target_dir(settings, "parse")
        packed, nodes, stamp = folder / "manifest.msgpack", folder / "manifest.json", folder / "fingerprint"
        with _parsing(settings):
            if not (packed.exists() and stamp.exists() and stamp.read_text() == fingerprint):
                stamp.unlink(missing_ok=True)
                packed.write_bytes(_parse(settings, dbt_vars).to_msgpack())
                stamp.write_text(fingerprint)
            _parsed[key] = ParsedProject(Manifest.from_msgpack(packed.read_bytes()), json.loads(nodes.read_text()))
    return _parsed[key]


def load_manifest(settings: Settings, dbt_vars: Mapping[str, Any]) -> dict[str, Any]:
    """The project's manifest as plain dicts, up to date.

    Raises:
        QuarterdeckError: the project does not parse; dbt's own words are in the message.
    """
    return parsed_project(settings, dbt_vars).nodes


_parsed: dict[tuple[Path, str], ParsedProject] = {}


def _parsing(settings: Settings) -> FileLock:
    """Processes that start together take turns: dbt writes its artifacts in place."""
    folder = target_dir(settings, "parse")
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "lock")


def _parse(settings: Settings, dbt_vars: Mapping[str, Any]) -> Manifest:
    result = invoke(settings, parse_database(settings), "parse", build_arguments([], dbt_vars, ["parse"]))
    if not result.success:
        reason = explain(result, target_dir(settings, "parse"))
        raise QuarterdeckError(f"The dbt project does not parse. dbt says: {reason}")
    assert isinstance(result.result, Manifest)
    return result.result


def rows_written(result: dbtRunnerResult) -> dict[str, int]:
    """Rows that a dbt build wrote, by model; views write none."""
    return {
        outcome.node.name: int(outcome.adapter_response["rows_affected"])
        for outcome in getattr(result.result, "results", [])
        if outcome.node.resource_type in ("model", "seed") and outcome.adapter_response.get("rows_affected", -1) >= 0
    }


def failed_nodes(result: dbtRunnerResult) -> list[str]:
    """What failed in a dbt command, a clause each."""
    return [
        f"{outcome.node.unique_id.split('.')[2]}: {_reason(outcome.message or str(outcome.status))}"
        for outcome in getattr(result.result, "results", [])
        if outcome.status in ("error", "fail", "runtime error")
    ]


def _reason(message: str) -> str:
    """The line that says why: dbt puts the node's name and file above it, and may put details below."""
    first, *rest = message.strip().splitlines()
    return rest[0].strip() if rest and " Error in " in first else first

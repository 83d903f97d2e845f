"""dbt under Dagster: the project, its manifest, the arguments of a build, and the factory of a domain's dbt assets.

dbt runs in this process through its own `dbtRunner`: a `dbt` process of its own takes seconds to import and to parse what
is parsed here already, several times a run. dagster-dbt still makes the assets and turns dbt's events into Dagster's.

Docs: https://docs.dagster.io/integrations/libraries/dbt, https://docs.getdbt.com/reference/programmatic-invocations
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt_common.events.functions import msg_to_dict
from filelock import FileLock

from orchestration.core import engine, spark
from orchestration.core.errors import QuarterdeckError
from orchestration.core.instance import DATABASE_WRITERS
from orchestration.core.partitions import BACKFILL_POLICY, Quarter, from_partition_keys
from orchestration.core.postgres import Database, exclusive, parse_database
from orchestration.core.resources import Platform
from orchestration.core.retries import is_transient_result
from orchestration.core.settings import PROJECT_ROOT, Settings
from orchestration.core.status import Stage, supersede_later_stages, track

PROJECT_DIR = PROJECT_ROOT / "dbt_project"
ZONES = {"staging": "trusted", "marts": "curated"}


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
    return "; ".join(failed_nodes(target)) or "dbt did not say why; its log is in " + str(target / "logs")


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


def project_fingerprint(settings: Settings, dbt_vars: Mapping[str, Any]) -> str:
    """Hash of everything that a manifest is made from: the project's files, the variables and the engine."""
    digest = hashlib.sha256(json.dumps([dbt_vars, settings.engine], sort_keys=True).encode())
    for path in sorted(PROJECT_DIR.rglob("*")):
        inside = path.relative_to(PROJECT_DIR)
        if path.is_file() and inside.parts[0] not in {"target", "logs", "dbt_packages"}:
            digest.update(str(inside).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def load_manifest(settings: Settings, dbt_vars: Mapping[str, Any]) -> dict[str, Any]:
    """The project's manifest, up to date; dbt parses the project only if something it is made from changed.

    Raises:
        QuarterdeckError: the project does not parse; dbt's own words are in the message.
    """
    folder = target_dir(settings, "parse")
    manifest, stamp = folder / "manifest.json", folder / "fingerprint"
    fingerprint = project_fingerprint(settings, dbt_vars)
    with _parsing(settings):
        if not (manifest.exists() and stamp.exists() and stamp.read_text() == fingerprint):
            stamp.unlink(missing_ok=True)
            _parse(settings, dbt_vars)
            stamp.write_text(fingerprint)
        return dict(json.loads(manifest.read_text()))


def parsed_project(settings: Settings, dbt_vars: Mapping[str, Any]) -> Any:
    """Dbt's parsed project, for its commands in this process; parsed once, and partially where dbt can.

    The quarters are no part of it: they are only looked at when a model is compiled.

    Raises:
        QuarterdeckError: the project does not parse; dbt's own words are in the message.
    """
    key = (settings.home, project_fingerprint(settings, dbt_vars))
    if key not in _parsed:
        with _parsing(settings):
            _parsed[key] = _parse(settings, dbt_vars, "--no-write-json")
    return _parsed[key]


_parsed: dict[tuple[Path, str], Any] = {}


def _parsing(settings: Settings) -> FileLock:
    """Processes that start together take turns: dbt writes its artifacts in place."""
    folder = target_dir(settings, "parse")
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "lock")


def _parse(settings: Settings, dbt_vars: Mapping[str, Any], *flags: str) -> Any:
    arguments = [*build_arguments([], dbt_vars, ["parse"]), *flags]
    result = invoke(settings, parse_database(settings), "parse", arguments)
    if not result.success:
        reason = explain(result, target_dir(settings, "parse"))
        raise QuarterdeckError(f"The dbt project does not parse. dbt says: {reason}")
    return result.result


class DomainTranslator(DagsterDbtTranslator):
    """Names dbt's nodes in Dagster: key `<domain>/<model>`, group `<domain>`, tags `layer` and `zone`.

    Folder = schema = layer, as in `dbt_project/macros/generate_schema_name.sql`; a test compares the two.
    Seeds are said to follow `raw_table`: without any upstream asset, Dagster would give them a dbt process of their own.
    """

    def __init__(self, raw_table: dg.AssetKey) -> None:
        super().__init__()
        self._raw_table = raw_table

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The asset of a dbt node."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        if unique_id.startswith("seed."):
            return spec.replace_attributes(deps=[self._raw_table])
        return spec

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`<domain>/<name>`; a source names the asset that writes it in `meta.dagster.asset_key`."""
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return dg.AssetKey([domain_of(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The domain."""
        return domain_of(dbt_resource_props)

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        """The layer (dbt's word) and the zone (the office's word)."""
        if dbt_resource_props["resource_type"] == "source":
            return {}  # the asset that writes it says so itself
        layer = layer_of(dbt_resource_props)
        return {"layer": layer, "zone": ZONES[layer]}


def domain_of(dbt_resource_props: Mapping[str, Any]) -> str:
    """`models/<domain>/<layer>/...` -> the domain."""
    return str(dbt_resource_props["fqn"][1])


def layer_of(dbt_resource_props: Mapping[str, Any]) -> str:
    """`models/<domain>/<layer>/...` -> the layer; seeds are small lookup tables of the staging layer."""
    return "staging" if dbt_resource_props["resource_type"] == "seed" else str(dbt_resource_props["fqn"][2])


def rows_written(result: dbtRunnerResult) -> dict[str, int]:
    """Rows that a dbt build wrote, by model; views write none."""
    return {
        outcome.node.name: int(outcome.adapter_response["rows_affected"])
        for outcome in getattr(result.result, "results", [])
        if outcome.node.resource_type in ("model", "seed") and outcome.adapter_response.get("rows_affected", -1) >= 0
    }


def failed_nodes(target: Path) -> list[str]:
    """What failed in the dbt run whose artifacts are in `target`, a clause each."""
    results = target / "run_results.json"
    if not results.exists():
        return []
    return [
        f"{result['unique_id'].split('.')[2]}: {(result.get('message') or result['status']).strip().splitlines()[0]}"
        for result in json.loads(results.read_text())["results"]
        if result["status"] in ("error", "fail", "runtime error")
    ]


def build_dbt_assets(
    domain: str,
    *,
    raw_table: dg.AssetKey,
    manifest: Mapping[str, Any],
    dbt_vars: Mapping[str, Any],
    partitions_def: dg.PartitionsDefinition,
    stage_of: Callable[[set[str]], tuple[Stage, bool]],
    on_failure: Callable[[Platform, Sequence[Quarter]], str | None],
) -> dg.AssetsDefinition:
    """The dbt assets of one domain: one definition, which Dagster splits where a Python asset stands in its middle.

    Args:
        raw_table: the Python-made table that the models begin with.
        stage_of: from the selected models' names, the stage they belong to and whether they finish it.
        on_failure: called when dbt failed; may record what is known. It returns a sentence where a test stopped dbt before
            any mart changed, else None.
    """
    translator = DomainTranslator(raw_table)

    @dbt_assets(
        manifest=manifest,
        select=f"fqn:quarterdeck.{domain}",
        name=f"{domain}_models",
        partitions_def=partitions_def,
        backfill_policy=BACKFILL_POLICY,
        dagster_dbt_translator=translator,
        pool=DATABASE_WRITERS,
    )
    def models(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        settings, database = platform.settings, platform.database
        quarters = from_partition_keys(context.partition_keys, settings)
        stage, finishes = stage_of({key.path[-1] for key in context.selected_asset_keys})
        events: list[dict[str, Any]] = []
        with (
            track(database, domain, quarters, stage, context.run_id, finishes=finishes),
            # One dbt build of a domain at a time: parallel runs of several quarters would otherwise race to create
            # the same relations, and marts that look back a quarter would race to replace the same rows.
            exclusive(database, f"dbt {domain}"),
        ):
            take_back = supersede_later_stages(database, domain, quarters, stage)
            engine.bring_sources(settings, database, manifest)
            selection = [key.path[-1] for key in sorted(context.selected_asset_keys, key=str)]
            result = invoke(
                settings,
                database,
                "build",
                [*build_arguments(quarters, dbt_vars, is_last_step=finishes), "--select", *selection],
                manifest=parsed_project(settings, dbt_vars),
                callbacks=[lambda event: events.append(msg_to_dict(event))],
            )
            engine.serve_models(settings, database, manifest, selection, quarters)
            written = rows_written(result)
            for event in events:
                message = DbtCoreCliEventMessage(raw_event=event, event_history_metadata={})
                for outcome in message.to_default_asset_events(
                    manifest=manifest, dagster_dbt_translator=translator, context=context
                ):
                    node = event["data"]["node_info"]["node_name"]
                    if isinstance(outcome, dg.Output) and node in written:
                        yield outcome.with_metadata({**outcome.metadata, "rows_written": written[node]})
                    else:
                        yield outcome
            if not result.success:
                explanation = on_failure(platform, quarters)
                if explanation:
                    take_back()
                raise dg.Failure(
                    explanation
                    or f"dbt build failed: {explain(result, target_dir(settings, 'build'))}. Later steps were not run.",
                    allow_retries=is_transient_result(result),
                )

    return models


def generate_docs(
    settings: Settings, database: Database, quarters: Sequence[Quarter], dbt_vars: Mapping[str, Any]
) -> Path:
    """Make dbt's docs; the path of the one static HTML file.

    Raises:
        QuarterdeckError: dbt failed; its words are in the message.
    """
    result = invoke(
        settings,
        database,
        "docs",
        build_arguments(quarters, dbt_vars, ["docs", "generate", "--static"]),
        manifest=parsed_project(settings, dbt_vars),
    )
    target = target_dir(settings, "docs")
    if not result.success:
        raise QuarterdeckError(f"dbt docs generate failed. dbt says: {explain(result, target)}")
    return target / "static_index.html"

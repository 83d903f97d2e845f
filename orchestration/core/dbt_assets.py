"""dbt's nodes as Dagster assets: the factory of a domain's.

dagster-dbt makes the assets and turns dbt's events into Dagster's.

Docs: https://docs.dagster.io/integrations/libraries/dbt
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.core import engine
from orchestration.core.builds import changed
from orchestration.core.dbt import (
    RESULT_EVENTS,
    build_arguments,
    explain,
    invoke,
    parsed_project,
    rows_written,
    target_dir,
)
from orchestration.core.dbt_seeds import Seeds
from orchestration.core.dbt_translator import DomainTranslator, dagster_events
from orchestration.core.instance import DATABASE_WRITERS
from orchestration.core.partitions import BACKFILL_POLICY, Quarter
from orchestration.core.postgres import exclusive
from orchestration.core.resources import Platform
from orchestration.core.retries import is_transient_result
from orchestration.core.status import STAGES, Stage, supersede_later_stages, track


@dataclass(frozen=True)
class DbtStep:
    """One of a domain's dbt steps.

    unsettled: those of the quarters on which the stage has work to do, or has not succeeded yet.
    fingerprints: of each quarter, everything that the models depend on; None where the step before has no record.
    """

    name: str
    stage: Stage
    finishes: bool
    unsettled: Callable[[Platform, Sequence[Quarter]], list[Quarter]]
    fingerprints: Callable[[Platform, Sequence[Quarter]], dict[Quarter, str | None]]


def _as_they_are(
    context: dg.AssetExecutionContext, keys: Set[dg.AssetKey], checks: Set[dg.AssetCheckKey]
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Outcomes of what a step need not do: dbt passed these tests when it built the very same rows."""
    unchanged = {"unchanged": "Nothing that these rows are made from has changed since dbt built and tested them."}
    inputs = {key: context.assets_def.asset_deps[key] & keys for key in keys}
    for key in TopologicalSorter(inputs).static_order():
        yield dg.MaterializeResult(asset_key=key, metadata=unchanged)
    for check in sorted(checks, key=str):
        yield dg.AssetCheckResult(asset_key=check.asset_key, check_name=check.name, passed=True, metadata=unchanged)


def build_dbt_assets(
    domain: str,
    *,
    raw_table: dg.AssetKey,
    manifest: Mapping[str, Any],
    dbt_vars: Mapping[str, Any],
    partitions_def: dg.PartitionsDefinition,
    step_of: Callable[[set[str]], DbtStep],
    on_failure: Callable[[Platform, Sequence[Quarter]], str | None],
    stages: Sequence[Stage] = STAGES,
) -> dg.AssetsDefinition:
    """The dbt assets of one domain: one definition, which Dagster splits where a Python asset stands in its middle.

    Args:
        raw_table: the Python-made table that the models begin with.
        step_of: from the selected models' names, the step that they are.
        on_failure: called when dbt failed; may record what is known. It returns a sentence where a test stopped dbt before
            any mart changed, else None.
        stages: the domain's, in order.
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
        quarters = platform.take_quarters(context, domain)
        keys, checks = context.selected_asset_keys, context.selected_asset_check_keys
        step = step_of({key.path[-1] for key in keys})
        stage = step.stage
        unsettled = step.unsettled(platform, quarters)
        if not unsettled:
            yield from _as_they_are(context, keys, checks)
            return
        results: list[Any] = []
        with (
            track(database, domain, unsettled, stage, context.run_id, finishes=step.finishes),
            # One dbt build of a domain at a time: parallel runs of several quarters would otherwise race to create
            # the same relations, and marts that look back a quarter would race to replace the same rows.
            exclusive(database, f"dbt {domain}"),
            changed(
                database,
                domain,
                step.name,
                step.fingerprints(platform, unsettled),
                context.log.info,
            ) as todo,
        ):
            if not todo:
                yield from _as_they_are(context, keys, checks)
                return
            take_back = supersede_later_stages(database, domain, todo, stage, stages)
            engine.bring_sources(settings, database, manifest)
            selection = [key.path[-1] for key in sorted(keys, key=str)]
            seeds = Seeds.among(selection, domain, manifest, settings, dbt_vars)
            if seeds.stand(database, settings):
                yield from _as_they_are(
                    context,
                    {key for key in keys if key.path[-1] in seeds.tables},
                    {check for check in checks if check.name in seeds.tests},
                )
                selection = [name for name in selection if name not in seeds.tables]
                if not selection:
                    return
            else:
                seeds.forget(database)
            result = invoke(
                settings,
                database,
                "build",
                # What its artifacts say is in the result too; writing them takes as long as a few models.
                [
                    "--no-write-json",
                    *build_arguments(todo, dbt_vars, is_last_step=step.finishes),
                    "--select",
                    *selection,
                ],
                manifest=parsed_project(settings, dbt_vars).manifest,
                callbacks=[lambda event: results.append(event) if event.info.name in RESULT_EVENTS else None],
            )
            engine.serve_models(settings, database, manifest, selection, todo)
            yield from dagster_events(context, results, rows_written(result), manifest, translator)
            if not result.success:
                explanation = on_failure(platform, todo)
                if explanation:
                    take_back()
                raise dg.Failure(
                    explanation
                    or f"dbt build failed: {explain(result, target_dir(settings, 'build'))}. Later steps were not run.",
                    allow_retries=is_transient_result(result),
                )
            seeds.record(database)

    return models

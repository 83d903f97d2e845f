"""The code location: the only list of domains."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchestration.core.errors import QuarterdeckError

if TYPE_CHECKING:
    import dagster as dg

    from orchestration.core.settings import Settings

# Every domain with its label for people; the pages of the first are at the site's top. `orchestration/<domain>/defs.py` has its
# `build_domain`, `contract.py` its `dbt_variables`. Nothing is imported here, so that the command can name the domains without
# loading Dagster.
DOMAINS = {"student_performance": "Exams", "attendance": "Attendance"}


def dbt_variables(settings: Settings) -> dict[str, Any]:
    """The dbt variables of all domains: dbt parses the project as one, and its docs compile every model.

    Raises:
        QuarterdeckError: two domains mean different things by one name.
    """
    variables: dict[str, Any] = {}
    for domain in DOMAINS:
        for name, value in import_module(f"orchestration.{domain}.contract").dbt_variables(settings).items():
            if variables.setdefault(name, value) != value:
                raise QuarterdeckError(
                    f"The dbt variable {name} of {domain} has another value in a domain before it. Name one of them otherwise."
                )
    return variables


def build_definitions(
    settings: Settings | None = None,
    *,
    resources: Mapping[str, Any] | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
) -> dg.Definitions:
    """All definitions; `resources` and `loggers` replace the usual ones by name, for tests and the command."""
    import dagster as dg

    from orchestration.core.dbt import load_manifest
    from orchestration.core.monitoring.defs import build_monitoring
    from orchestration.core.resources import AllDefinitions, Platform
    from orchestration.core.settings import get_settings

    settings = settings or get_settings()
    # Single-run backfills are marked beta; the lock file pins the version that was tested.
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    domains = [import_module(f"orchestration.{domain}.defs") for domain in DOMAINS]
    dbt_vars = dbt_variables(settings)
    everything = dg.Definitions.merge(
        *(domain.build_domain(settings, dbt_vars) for domain in domains),
        build_monitoring(settings, load_manifest(settings, dbt_vars), dbt_vars),
        dg.Definitions(
            resources={
                "platform": Platform(domains=DOMAINS),
                "all_definitions": dg.ResourceDefinition.hardcoded_resource(AllDefinitions(lambda: everything)),
                **(resources or {}),
            },
            loggers=loggers,
            # The steps of a run follow one another, and a process for each would spend most of its time importing.
            # What runs in parallel is runs, which the queue counts.
            executor=dg.in_process_executor,
        ),
    )
    return everything


def __getattr__(name: str) -> dg.Definitions:
    """Built when Dagster asks for `defs`, so that the command and tests can build their own."""
    if name == "defs":
        return build_definitions()
    raise AttributeError(name)

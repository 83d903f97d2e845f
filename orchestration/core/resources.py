"""Dagster's resources: settings with the database they point to, which a test replaces, and the definitions themselves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import InitResourceContext
from pydantic import PrivateAttr

from orchestration.core import leases
from orchestration.core.partitions import Quarter, from_partition_keys
from orchestration.core.postgres import Database, open_database
from orchestration.core.settings import Settings, get_settings


class Platform(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where an asset finds its settings and its database. The database opens with its first use.

    domains: all domains with their labels for people, as `definitions.py` lists them.
    """

    domains: dict[str, str] = {}  # noqa: RUF012 - a field of the resource, which Dagster copies

    _database: Database | None = PrivateAttr(None)

    @property
    def settings(self) -> Settings:
        """The process's settings."""
        return get_settings()

    @property
    def database(self) -> Database:
        """The database, started if it is the embedded one."""
        if self._database is None:
            self._database = open_database(self.settings)
        return self._database

    def take_quarters(self, context: dg.AssetExecutionContext, domain: str) -> Sequence[Quarter]:
        """The quarters of this step, once the run has their leases: before it reads anything that another run may change.

        A person is told at once who is at work; other runs wait for their turn.

        Raises:
            LeaseTakenError: another run works on one of them.
        """
        quarters = from_partition_keys(context.partition_keys, self.settings)
        run = context.run
        starter = leases.starter(run.tags)
        leases.take(
            self.database,
            domain,
            quarters,
            run.run_id,
            starter,
            lease_seconds=self.settings.lease_seconds,
            wait_seconds=0 if starter == leases.COMMAND else self.settings.stage_timeout_seconds,
        )
        return quarters

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """At the end of every run, however it was started and however it went: measure it, and look for what is unusual."""
        try:
            if self._database is None or context.run is None or context.instance is None or context.log is None:
                return
            # Imported here because sensors and people's queries use this resource too, without a run.
            from orchestration.core.monitoring.watch import watch_run

            watch_run(self, context.instance, context.run, context.log)
        finally:
            leases.release()


@dataclass(frozen=True)
class AllDefinitions:
    """The definitions of every domain, for a step that tells of them all: the run that it is in knows its own job only."""

    get: Callable[[], dg.Definitions]

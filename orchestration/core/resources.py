"""Dagster's resources: settings with the database they point to, which a test replaces, and the definitions themselves."""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg
from pydantic import PrivateAttr

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


@dataclass(frozen=True)
class AllDefinitions:
    """The definitions of every domain, for a step that tells of them all: the run that it is in knows its own job only."""

    get: Callable[[], dg.Definitions]

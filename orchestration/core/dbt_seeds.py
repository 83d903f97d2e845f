"""Seeds belong to no quarter: they are loaded and tested only where the project changed or a table is missing, not by each run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from orchestration.core import builds
from orchestration.core.dbt import project_fingerprint
from orchestration.core.postgres import Database
from orchestration.core.settings import Engine, Settings

SEEDS_STEP = "seeds"


@dataclass(frozen=True)
class Seeds:
    """Those of a domain's seeds that a dbt step is asked for.

    tables: schema and table by the seed's name. tests: the names of the tests that look at these alone.
    """

    domain: str
    tables: Mapping[str, tuple[str, str]]
    tests: frozenset[str]
    fingerprint: str

    @classmethod
    def among(
        cls,
        names: Sequence[str],
        domain: str,
        manifest: Mapping[str, Any],
        settings: Settings,
        dbt_vars: Mapping[str, Any],
    ) -> "Seeds":
        """The seeds among the names of a step's nodes; made of the domain's whole project, so that any change loads them."""
        nodes = manifest["nodes"].values()
        seeds = {node["unique_id"]: node for node in nodes if node["resource_type"] == "seed" and node["name"] in names}
        tests = {
            node["name"]
            for node in nodes
            if node["resource_type"] == "test" and set(node["depends_on"]["nodes"]) <= seeds.keys()
        }
        return cls(
            domain,
            {node["name"]: (node["schema"], node["alias"]) for node in seeds.values()},
            frozenset(tests),
            project_fingerprint(settings, dbt_vars, domain),
        )

    def stand(self, database: Database, settings: Settings) -> bool:
        """Whether the tables are there, as they were loaded and tested from the same project. Spark's are loaded each time."""
        if not self.tables or settings.engine is not Engine.POSTGRES:
            return False
        if builds.recorded_of_all(database, self.domain, SEEDS_STEP) != self.fingerprint:
            return False
        with database.connect() as connection:
            return all(
                connection.execute("select to_regclass(%s)", (sql.Identifier(*table).as_string(connection),)).fetchone()
                != (None,)
                for table in self.tables.values()
            )

    def forget(self, database: Database) -> None:
        """Take the record away, before the tables are loaded."""
        if self.tables:
            builds.forget(database, self.domain, [builds.ALL_QUARTERS], SEEDS_STEP)

    def record(self, database: Database) -> None:
        """Record that the tables were loaded and passed their tests."""
        if self.tables:
            builds.record(database, self.domain, {builds.ALL_QUARTERS: self.fingerprint}, SEEDS_STEP)

"""What the steps of every domain depend on, so that a run works only on the quarters for which something has changed.

raw < models < a domain's further steps < pages: each step's fingerprint holds the one before it, and its own code and settings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from orchestration.core import builds, corrections, delimited, delimited_blocks, distinct_sets, pseudonyms, raw_tables
from orchestration.core.dbt import load_manifest, project_fingerprint
from orchestration.core.dbt_assets import DbtStep
from orchestration.core.dbt_translator import domain_of
from orchestration.core.landing import files_of_quarters
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.promotions import promoted
from orchestration.core.resources import Platform
from orchestration.core.settings import Settings
from orchestration.core.site_parts import area_of, published_part
from orchestration.core.status import STAGES, Stage, publishable_quarters, succeeded

RAW_STEP, MODELS_STEP, PAGES_STEP = "raw", "models", "pages"
# What every domain reads files with.
READERS = (corrections, delimited, delimited_blocks, distinct_sets, pseudonyms, raw_tables)

Fingerprints = dict[Quarter, str | None]


@dataclass(frozen=True)
class DomainProject:
    """A domain's part of the dbt project, and its stages in order.

    own_vars: the dbt variables that the domain declares. dbt_vars: those of all domains, which every dbt command is given,
    since dbt parses the project as one.
    """

    domain: str
    own_vars: Mapping[str, Any]
    dbt_vars: Mapping[str, Any]
    stages: Sequence[Stage] = STAGES

    def fingerprint(self, settings: Settings) -> str:
        """Hash of the domain's models, seeds, tests and variables, and of what all domains share."""
        return project_fingerprint(settings, self.own_vars, self.domain)

    def following(self, platform: Platform, quarters: Sequence[Quarter], step_before: str) -> Fingerprints:
        """Fingerprints of a dbt step: those of the step before, the project, and the rows of other domains that it reads."""
        project = self.fingerprint(platform.settings)
        before = builds.recorded(platform.database, self.domain, quarters, step_before)
        read = self._read_from_others(platform)
        return {
            quarter: builds.fingerprint_of(
                before[quarter][0] if quarter in before else None, project, read.get(str(quarter), [])
            )
            for quarter in quarters
        }

    def others_read(self, manifest: Mapping[str, Any]) -> set[str]:
        """The other domains whose marts this domain's models read."""
        nodes = manifest["nodes"]
        return {
            domain_of(nodes[parent])
            for name, node in nodes.items()
            if node["resource_type"] == "model" and domain_of(node) == self.domain
            for parent in manifest["parent_map"][name]
            if parent in nodes
        } - {self.domain}

    def _read_from_others(self, platform: Platform) -> dict[str, list[Any]]:
        """By quarter: what the steps of the domains that this one reads were made from."""
        others = sorted(self.others_read(load_manifest(platform.settings, self.dbt_vars)))
        if not others:
            return {}
        with platform.database.connect() as connection:
            return dict(
                connection.execute(
                    """
                    select quarter, jsonb_agg(jsonb_build_array(domain, step, fingerprint) order by domain, step)
                    from platform.quarter_builds where domain = any(%s) group by quarter
                    """,
                    (others,),
                ).fetchall()
            )


def up_to_date(
    database: Database, domain: str, quarters: Sequence[Quarter], steps: Mapping[str, Fingerprints]
) -> set[Quarter]:
    """Those of the quarters of which each step's record is the fingerprint that it would have now."""
    found = set(quarters)
    for step, fingerprints in steps.items():
        records = builds.recorded(database, domain, quarters, step)
        found &= {quarter for quarter, (fingerprint, _) in records.items() if fingerprint == fingerprints[quarter]}
    return found


@dataclass(frozen=True)
class EtlStage:
    """Stage etl of a domain: raw rows, then models.

    code: the domain's files that hold how its files are read. reads: what else that depends on, such as the contract in force.
    """

    project: DomainProject
    code: Sequence[Path]
    reads: Callable[[Settings], Any]

    def raw_fingerprints(self, platform: Platform, quarters: Sequence[Quarter]) -> Fingerprints:
        """Of each quarter, what its raw rows are made from: its files and how they are read; None where there is no file."""
        files = files_of_quarters(platform.database, self.project.domain)
        code = builds.code_fingerprint(*self.code, *(Path(str(module.__file__)) for module in READERS))
        reads, engine = self.reads(platform.settings), platform.settings.engine
        return {quarter: builds.fingerprint_of(files.get(str(quarter)), reads, engine, code) for quarter in quarters}

    def up_to_date(self, platform: Platform, quarters: Sequence[Quarter]) -> set[Quarter]:
        """Those of the quarters whose rows and models stand as their last build left them, and would be built alike."""
        domain = self.project.domain
        steps = {
            RAW_STEP: self.raw_fingerprints(platform, quarters),
            MODELS_STEP: self.project.following(platform, quarters, RAW_STEP),
        }
        return promoted(platform.database, domain, quarters, "curated") & up_to_date(
            platform.database, domain, quarters, steps
        )

    def unsettled(self, platform: Platform, quarters: Sequence[Quarter]) -> list[Quarter]:
        """Those of the quarters on which the stage has work to do, or has not succeeded."""
        settled = self.up_to_date(platform, quarters) & succeeded(
            platform.database, self.project.domain, quarters, "etl"
        )
        return [quarter for quarter in quarters if quarter not in settled]

    def dbt_step(self) -> DbtStep:
        """The models up to the row account."""
        return DbtStep(
            MODELS_STEP,
            "etl",
            False,
            self.unsettled,
            lambda platform, quarters: self.project.following(platform, quarters, RAW_STEP),
        )


@dataclass(frozen=True)
class PagesStep:
    """The pages of a domain, all quarters at once.

    code: the folder with the code, templates and static files that make them. steps: those whose records say what the marts
    are. further: what else of the settings the pages depend on.
    """

    project: DomainProject
    code: Path
    steps: Sequence[str] = (MODELS_STEP,)
    further: Callable[[Settings], Any] = lambda _settings: ""

    def quarters(self, database: Database) -> list[str]:
        """The quarters that readers are shown, oldest first."""
        return publishable_quarters(database, self.project.domain, self.project.stages)

    def shown(self, platform: Platform) -> str | None:
        """Hash of everything that the pages show, but for how publishing stands, which only publishing changes."""
        database, domain = platform.database, self.project.domain
        quarters = [Quarter.parse(quarter) for quarter in self.quarters(database)]
        records = [builds.recorded(database, domain, quarters, step) for step in self.steps]
        before_publishing = [stage for stage in self.project.stages if stage != "publish"]
        return builds.fingerprint_of(
            [[str(quarter), *(record.get(quarter) for record in records)] for quarter in quarters],
            self._rows(database, "row_accounts"),
            self._rows(database, "landing_files"),
            self._rows(database, "stage_status", before_publishing),
            self.further(platform.settings),
            self.project.fingerprint(platform.settings),
            builds.code_fingerprint(self.code, Path(__file__).parent),
        )

    def are_up_to_date(self, platform: Platform) -> bool:
        """Whether the published pages show everything as it is."""
        found = builds.recorded_of_all(platform.database, self.project.domain, PAGES_STEP)
        return found is not None and found == self._published(platform, self.shown(platform))

    def forget(self, database: Database) -> None:
        """Take the record away, before the pages are built."""
        builds.forget(database, self.project.domain, [builds.ALL_QUARTERS], PAGES_STEP)

    def record(self, platform: Platform, shown: str | None) -> None:
        """Record what the pages were built from: `shown` before that, how publishing stands now, and the published parts."""
        published = self._published(platform, shown)
        builds.record(platform.database, self.project.domain, {builds.ALL_QUARTERS: published}, PAGES_STEP)

    def _published(self, platform: Platform, shown: str | None) -> str | None:
        area, settings = area_of(self.project.domain, platform.domains), platform.settings
        return builds.fingerprint_of(
            shown,
            self._rows(platform.database, "stage_status", ["publish"]),
            published_part(settings.site, area),
            published_part(settings.external_site, area) or "no external edition",
        )

    def _rows(self, database: Database, table: str, stages: Sequence[str] | None = None) -> str:
        """Hash of a platform table's rows of the domain, whatever their order; of the stages only where they are named."""
        query = sql.SQL(
            """
            select md5(coalesce(string_agg(shown::text, ' ' order by shown::text), ''))
            from {} as shown where domain = %s and (%s::text[] is null or to_jsonb(shown) ->> 'stage' = any(%s::text[]))
            """
        ).format(sql.Identifier("platform", table))
        with database.connect() as connection:
            row = connection.execute(query, (self.project.domain, stages, stages)).fetchone()
        assert row is not None
        return str(row[0])

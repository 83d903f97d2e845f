"""Building every mart again from the received files, in a database beside, and comparing row by row.

What does not belong here: judging figures by rules stated a second time (a domain's `witness.py`); this uses the same rules.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psycopg
from psycopg import sql

from orchestration.core.domain_assets import stage_selection
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter, adjacent_spans
from orchestration.core.postgres import Database, open_database, remove_embedded
from orchestration.core.resources import Platform
from orchestration.core.runner import run_job
from orchestration.core.settings import Engine, Settings

# What people and offices brought, as against what was made of it.
BROUGHT = {
    "landing_files": "true",
    "quarter_files": "true",
    "corrections": "true",
    "pseudonym_keys": "true",
    "promotions": "zone = 'landing'",
}
LAYERS = ("marts", "ml")


def scratch_platform(scratch: Settings, domains: Mapping[str, str]) -> Platform:
    """The platform of another installation than the one that the process is set to."""

    class ScratchPlatform(Platform):
        # Held by the class, since Dagster copies a resource and knows only its fields.
        @property
        def settings(self) -> Settings:
            return scratch

    return ScratchPlatform(domains=dict(domains))


@dataclass(frozen=True)
class Comparison:
    """How a table's rows of a quarter (all rows where it has no quarters) compare with those built again."""

    table: str
    quarter: str
    rows: int
    is_equal: bool


@contextmanager
def scratch_settings(settings: Settings) -> Iterator[Settings]:
    """Settings of an empty installation with the same received files, keys and rules; it is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-verify-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # the embedded server may work as another user
        key_file = settings.landing_key_file or settings.home / "keys" / "landing.json"
        scratch = settings.model_copy(
            update={
                "home": home,
                "database_url": None,
                "engine": Engine.POSTGRES,
                "landing_dir": settings.landing,
                "landing_key_file": key_file if key_file.exists() else None,
                "pseudonym_key_file": settings.pseudonym_key_path,
                "site_dir": None,
                "external_site_dir": None,
                "alert_urls": None,
            }
        )
        try:
            yield scratch
        finally:
            remove_embedded(scratch)


def compare_with_rebuilt(
    settings: Settings,
    domains: Mapping[str, str],
    stages: Mapping[str, Sequence[str]],
    definitions: Callable[[Settings, Platform], dg.Definitions],
    say: Callable[[str], object],
) -> tuple[list[Comparison], list[str]]:
    """Build every mart again in a scratch installation and compare it with what is there; nothing of it is changed.

    Args:
        stages: each domain's stages, in order.
        definitions: all definitions, for settings and their platform.
        say: is told what is being done.

    Returns:
        The comparisons, and the quarters that were left out, since their last build did not succeed.

    Raises:
        QuarterdeckError: a received file does not open, or building failed.
    """
    database = open_database(settings)
    comparisons: list[Comparison] = []
    left_out: list[str] = []
    with scratch_settings(settings) as scratch:
        scratch_database = open_database(scratch)
        with database.connect() as source, scratch_database.connect() as target:
            _copy_brought(source, target)
        for domain in domains:
            quarters, others = _quarters(database, domain, stages[domain][:-1])
            left_out += [f"{domain} {quarter}" for quarter in others]
            for span in adjacent_spans(quarters):
                say(f"{domains[domain]}: building {span[0]} to {span[-1]} again from the received files")
                _build(scratch, scratch_database, domains, domain, stages[domain][:-1], span, definitions)
            labels = [str(quarter) for quarter in quarters]
            expected, found = (_hashes(place, domain, labels) for place in (scratch_database, database))
            comparisons += [
                Comparison(table, quarter, rows, found.get((table, quarter), ("", 0))[0] == digest)
                for (table, quarter), (digest, rows) in expected.items()
                # What is of all quarters cannot be compared where some were left out.
                if quarter or not others
            ]
            comparisons += [
                Comparison(*key, 0, False) for key in found.keys() - expected.keys() if key[1] or not others
            ]
    open_database(settings)  # the process's database again, for its audit entry
    return comparisons, left_out


def _copy_brought(source: psycopg.Connection, target: psycopg.Connection) -> None:
    for table, where in BROUGHT.items():
        name = sql.Identifier("platform", table)
        query = sql.SQL("copy (select * from {} where {}) to stdout").format(name, sql.SQL(where))
        with (
            source.cursor().copy(query) as out,
            target.cursor().copy(sql.SQL("copy {} from stdin").format(name)) as into,
        ):
            for block in out:
                into.write(block)


def _quarters(database: Database, domain: str, stages: Sequence[str]) -> tuple[list[Quarter], list[str]]:
    """The domain's quarters of which every one of these stages succeeded, and the others."""
    with database.connect() as connection:
        rows = connection.execute(
            """
            select quarter, count(*) filter (where status = 'succeeded' and stage = any(%s)) = %s
            from (select distinct domain, quarter from platform.quarter_files) as files
            left join platform.stage_status using (domain, quarter)
            where domain = %s group by quarter order by quarter
            """,
            (list(stages), len(stages), domain),
        ).fetchall()
    return [Quarter.parse(quarter) for quarter, is_built in rows if is_built], [row[0] for row in rows if not row[1]]


def _build(
    scratch: Settings,
    database: Database,
    domains: Mapping[str, str],
    domain: str,
    stages: Sequence[str],
    span: Sequence[Quarter],
    definitions: Callable[[Settings, Platform], dg.Definitions],
) -> None:
    made = definitions(scratch, scratch_platform(scratch, domains))
    # Without the step that receives files: they are there.
    selection = [
        key
        for stage in stages
        for key in stage_selection(made, domain, stage)  # type: ignore[arg-type]
        if key.path[-1] != "landing_files"
    ]
    outcome = run_job(made, scratch, database, f"{domain}_refresh", span, selection=selection)
    if outcome.error:
        raise QuarterdeckError(outcome.error)


def _hashes(database: Database, domain: str, quarters: Sequence[str]) -> dict[tuple[str, str], tuple[str, int]]:
    """A hash and the number of the rows of each mart and clustering table, by quarter where it has quarters ("" where not)."""
    found: dict[tuple[str, str], tuple[str, int]] = {}
    with database.connect() as connection:
        tables = connection.execute(
            """
            select nspname, relname, exists (
                select from pg_attribute where attrelid = pg_class.oid and attname = 'quarter' and not attisdropped
            )
            from pg_class inner join pg_namespace on relnamespace = pg_namespace.oid
            where nspname = any(%s) and relkind in ('r', 'p', 'v') and not relispartition order by 1, 2
            """,
            ([f"{domain}_{layer}" for layer in LAYERS],),
        ).fetchall()
        for schema, table, has_quarter in tables:
            rows = connection.execute(
                sql.SQL(
                    """
                    select {quarter} as of_quarter, md5(string_agg(md5(shown::text), '' order by md5(shown::text))), count(*)
                    from {table} as shown where {quarter} = any(%s) or {quarter} = '' group by of_quarter
                    """
                ).format(
                    table=sql.Identifier(schema, table),
                    quarter=sql.Identifier("quarter") if has_quarter else sql.SQL("''::text"),
                ),
                (list(quarters),),
            ).fetchall()
            found |= {(f"{schema}.{table}", quarter): (digest, count) for quarter, digest, count in rows}
    return found

"""dbt's data docs: one static HTML file, made anew only where something that it shows has changed."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.core.dbt import build_arguments, explain, invoke, parsed_project, project_fingerprint, target_dir
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.settings import Settings

# What dbt's catalog tells of the database: relations with their kinds and owners, columns with their types. No row counts.
CATALOG = """
    select md5(coalesce(string_agg(relation::text, ' ' order by relation::text), ''))
    from (
        select current_database(), nspname, relname, relkind, relowner::regrole::text, attnum, attname,
            format_type(atttypid, atttypmod), obj_description(pg_class.oid), col_description(pg_class.oid, attnum)
        from pg_class
        join pg_namespace on pg_namespace.oid = relnamespace
        join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        where nspname = any(%s) and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition
    ) as relation
"""


def generate_docs(settings: Settings, database: Database, dbt_vars: Mapping[str, Any]) -> Path:
    """Make dbt's docs, unless those at hand still tell of this project and these tables; the path of the HTML file.

    They show each model compiled for one quarter as an example, always the first one that can be loaded, so that they
    do not depend on the quarters of the run.

    Raises:
        QuarterdeckError: dbt failed; its words are in the message.
    """
    project = parsed_project(settings, dbt_vars)
    target = target_dir(settings, "docs")
    page, stamp = target / "static_index.html", target / "fingerprint"
    nodes = [*project.manifest.nodes.values(), *project.manifest.sources.values()]
    with database.connect() as connection:
        catalog = connection.execute(CATALOG, (sorted({node.schema for node in nodes}),)).fetchone()
    example = Quarter.parse(settings.first_quarter)
    made_of = hashlib.sha256(f"{project_fingerprint(settings, dbt_vars)} {catalog} {example}".encode()).hexdigest()
    if page.exists() and stamp.exists() and stamp.read_text() == made_of:
        return page
    stamp.unlink(missing_ok=True)
    arguments = build_arguments([example], dbt_vars, ["docs", "generate", "--static"])
    result = invoke(settings, database, "docs", arguments, manifest=project.manifest)
    if not result.success:
        raise QuarterdeckError(f"dbt docs generate failed. dbt says: {explain(result, target)}")
    stamp.write_text(made_of)
    return page

"""Which columns each column of a dbt model is made from, read from the compiled SQL by sqlglot.

Worked out once for each state of project and database, and kept beside dbt's docs, which hold the compiled SQL.
(dagster-dbt can attach column lineage to assets as well; it asks the database for each model's columns in every build.)
"""

import json
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

KEPT = "column_lineage.json"

Sources = dict[str, list[str]]


@dataclass(frozen=True)
class ColumnLineage:
    """What columns are made from.

    made_from: by table (`schema.table`) and column, the columns (`schema.table.column`) it is made from; an empty list is
    a count of rows or a constant. unresolved: columns (`schema.table.column`) of which this is not known.
    """

    made_from: dict[str, Sources] = field(default_factory=dict)
    unresolved: list[str] = field(default_factory=list)

    @property
    def column_count(self) -> int:
        """All columns that were looked at."""
        return sum(map(len, self.made_from.values())) + len(self.unresolved)


def kept_lineage(docs: Path) -> ColumnLineage:
    """Lineage of the models that dbt's docs in this folder tell of; nothing where they were not made yet.

    docs: the folder that `generate_docs` writes, with dbt's manifest.json and catalog.json and the docs' fingerprint.
    """
    stamp = docs / "fingerprint"
    if not stamp.exists():
        return ColumnLineage()
    made_of, kept = stamp.read_text(), docs / KEPT
    if kept.exists() and (content := json.loads(kept.read_text())).pop("made_of") == made_of:
        return ColumnLineage(**content)
    manifest, catalog = (json.loads((docs / name).read_text()) for name in ("manifest.json", "catalog.json"))
    lineage = column_lineage(manifest, columns_of(catalog))
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps({"made_of": made_of, **asdict(lineage)}))
    partial.replace(kept)
    return lineage


def columns_of(catalog: Mapping[str, Any]) -> dict[str, dict[str, dict[str, str]]]:
    """Types by schema, table and column, of dbt's catalog.json."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for node in (*catalog["nodes"].values(), *catalog["sources"].values()):
        place = node["metadata"]
        columns = {name: column["type"] for name, column in node["columns"].items()}
        found.setdefault(place["schema"], {})[place["name"]] = columns
    return found


def column_lineage(
    manifest: Mapping[str, Any], columns: Mapping[str, Mapping[str, Mapping[str, str]]]
) -> ColumnLineage:
    """Lineage of every column that a compiled model has in the database.

    manifest: dbt's, with `compiled_code`. columns: types by schema, table and column.
    """
    # Imported here because only a changed project needs it.
    from sqlglot import MappingSchema
    from sqlglot.errors import SqlglotError

    dialect = manifest["metadata"]["adapter_type"]
    schema = MappingSchema({schema: dict(tables) for schema, tables in columns.items()}, dialect=dialect)
    known = {
        f"{place}.{table}.{name}" for place in columns for table, names in columns[place].items() for name in names
    }
    lineage = ColumnLineage()
    for node in manifest["nodes"].values():
        present = columns.get(node["schema"], {}).get(node["name"])
        if node["resource_type"] != "model" or present is None:
            continue
        table = f"{node['schema']}.{node['name']}"
        try:
            made_from = _of_model(node["compiled_code"], list(present), schema, dialect, known)
        except SqlglotError:
            made_from = dict.fromkeys(present)
        lineage.made_from[table] = {name: sources for name, sources in made_from.items() if sources is not None}
        lineage.unresolved.extend(f"{table}.{name}" for name, sources in made_from.items() if sources is None)
    return lineage


def _of_model(code: str, columns: list[str], schema: Any, dialect: str, known: Set[str]) -> dict[str, list[str] | None]:
    """Sources of each column; None where one of its ways does not end at a known column of a table."""
    from sqlglot import exp, parse_one
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    query = parse_one(code, dialect=dialect)
    for table in query.find_all(exp.Table):
        table.set("catalog", None)  # the database's name says nothing here, and it may be any
    query = qualify(query, dialect=dialect, schema=schema, validate_qualify_columns=False, identify=False)
    scope = build_scope(query)
    found: dict[str, list[str] | None] = {}
    for column in columns:
        ends = lineage(column, query, schema, scope=scope, dialect=dialect, trim_selects=False).walk()
        sources: set[str] | None = set()
        for end in (end for end in ends if not end.downstream):
            source = end.source
            if isinstance(source, exp.Table):
                place = f"{source.db}.{source.name}.{end.name.rsplit('.', 1)[-1]}"
                sources = sources | {place} if sources is not None and place in known else None
            elif isinstance(source, exp.Placeholder) or (
                not isinstance(source, exp.Values) and end.expression.find(exp.Column)
            ):
                sources = None
        found[column] = None if sources is None else sorted(sources)
    return found

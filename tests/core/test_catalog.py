"""The catalog of a small made-up project: lineage by column, classes of personal data, completeness, what the page shows."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.core.catalog import Asset, Column, Dataset, Facts, Relation, as_json
from orchestration.core.catalog_build import build_catalog, missing, undescribed
from orchestration.core.catalog_lineage import KEPT, ColumnLineage, column_lineage, kept_lineage
from orchestration.core.catalog_page import catalog_page

AT = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)
RAW, STAGED, MART, ML, LATE = (
    "school_raw.marks",
    "school_staging.stg_marks",
    "school_marts.fct_marks",
    "school_ml.groups",
    "school_marts.rpt",
)
TYPES = {
    RAW: {"pupil_id": "text", "name": "text", "mark": "text", "town": "text"},
    STAGED: {"pupil_id": "text", "is_named": "boolean", "mark": "integer", "town": "text"},
    MART: {"town": "text", "subject": "text", "pupils": "bigint", "mean_mark": "numeric", "listed": "text"},
    ML: {"town": "text", "label": "text"},
    LATE: {"label": "text", "town": "text"},
}
CODE = {
    STAGED: 'select pupil_id, name is not null as is_named, mark::integer as mark, town from "d"."school_raw"."marks"',
    MART: """
        with marks as (select * from "d"."school_staging"."stg_marks")
        select marks.town, kinds.subject, count(*) as pupils, avg(marks.mark) as mean_mark,
            string_agg(marks.pupil_id, ',') as listed
        from marks cross join lateral (values ('math')) as kinds (subject) group by 1, 2
    """,
    LATE: 'select g.label, m.town from "d"."school_ml"."groups" g join "d"."school_marts"."fct_marks" m on g.town = m.town',
}


def node(table: str, kind: str, *upstream: str, **more: Any) -> dict[str, Any]:
    schema, name = table.split(".")
    return {
        "unique_id": f"{kind}.{name}", "resource_type": kind, "schema": schema, "name": name, "group": "school",
        "fqn": ["quarterdeck", "school", schema.removeprefix("school_"), name], "meta": {},
        "description": f"Grain: one row a {name}. More.",
        "columns": {}, "depends_on": {"nodes": list(upstream)},
        "original_file_path": f"models/school/{name}.sql",
        "compiled_code": CODE.get(table), **more,
    }  # fmt: skip


def written(name: str, personal: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"What {name} is.",
        "config": {"meta": {"personal": personal} if personal else {}},
    }


@pytest.fixture
def manifest() -> dict[str, Any]:
    raw = node(RAW, "source", group=None, meta={"dagster": {"asset_key": ["school", "marks"]}})
    raw["columns"] = {"pupil_id": written("pupil_id", "direct_identifier"), "town": written("town", "quasi_identifier")}
    raw["columns"]["name"] = written("name", "direct_identifier")
    ml = node(ML, "source", group=None, meta={"dagster": {"asset_key": ["school", "groups"]}})
    models = [
        node(STAGED, "model", "source.marks"),
        node(MART, "model", "model.stg_marks", columns={"listed": written("listed", "none")}),
        node(LATE, "model", "model.fct_marks", "source.groups"),
    ]
    return {
        "metadata": {"adapter_type": "postgres"},
        "nodes": {model["unique_id"]: model for model in models},
        "sources": {source["unique_id"]: source for source in (raw, ml)},
        "exposures": {
            "exposure.home": {
                "name": "home", "label": "Home page", "fqn": ["quarterdeck", "school", "home"], "description": "The first page.",
                "owner": {"name": "Office"}, "depends_on": {"nodes": ["model.rpt"]},
            }
        },
        "groups": {"group.school": {"name": "school", "owner": {"name": "Office"}}},
    }  # fmt: skip


def types_by_schema() -> dict[str, dict[str, dict[str, str]]]:
    found: dict[str, dict[str, dict[str, str]]] = {}
    for table, columns in TYPES.items():
        schema, name = table.split(".")
        found.setdefault(schema, {})[name] = columns
    return found


@pytest.fixture
def lineage(manifest: dict[str, Any]) -> ColumnLineage:
    return column_lineage(manifest, types_by_schema())


@pytest.fixture
def facts(manifest: dict[str, Any], lineage: ColumnLineage) -> Facts:
    relations = [
        Relation(*table.split("."), "table", 5, 8192, [(name, type_, "") for name, type_ in columns.items()])
        for table, columns in TYPES.items()
    ]
    records = Relation(
        "platform", "stage_status", "table", 3, 8192, [("login", "text", "Who. Personal data: direct_identifier.")]
    )
    return Facts(
        manifest=manifest,
        relations=[*relations, replace(records, comment="Grain: one row a stage. How it stands.")],
        assets=[
            Asset("school/files", "The file as it came.", "Office", "landing", [], []),
            Asset("school/marks", "Every line.", "Office", "raw", ["school/files"], []),
            Asset("school/groups", "Groups.", "Office", "ml", ["school/fct_marks"], [("groups_are_few", "At most ten.")]),
            Asset("school/fct_marks", "", "Office", "marts", ["school/stg_marks"], [("not_null_town", ""), ("unique_town", "")]),
        ],
        lineage=lineage,
        stages={("school", "etl"): ("2026Q4", AT, "run-1"), ("school", "ml"): ("2026Q3", AT, "run-0")},
        outcomes={("school/fct_marks", "not_null_town"): ("passed", AT), ("school/fct_marks", "unique_town"): ("failed", AT)},
        landing_columns={"school/files": [Column("name", "text", "", "direct_identifier", "likely")]},
        files={"school": (2, 1000)},
        downloads={LATE: [("CSV", "downloads/rpt.csv")]},
    )  # fmt: skip


def by_id(facts: Facts) -> dict[str, Dataset]:
    return {dataset.id: dataset for dataset in build_catalog(facts)}


def test_columns_are_traced_through_casts_joins_and_aggregates(lineage: ColumnLineage) -> None:
    assert lineage.unresolved == []
    assert lineage.made_from[STAGED]["is_named"] == [f"{RAW}.name"]
    assert lineage.made_from[STAGED]["mark"] == [f"{RAW}.mark"]
    assert lineage.made_from[MART] == {
        "town": [f"{STAGED}.town"],
        "subject": [],
        "pupils": [],
        "mean_mark": [f"{STAGED}.mark"],
        "listed": [f"{STAGED}.pupil_id"],
    }
    assert lineage.made_from[LATE] == {"label": [f"{ML}.label"], "town": [f"{MART}.town"]}


def test_a_column_that_cannot_be_traced_is_named(manifest: dict[str, Any]) -> None:
    manifest["nodes"]["model.rpt"]["compiled_code"] = "select nowhere.label, town from school_marts.fct_marks"
    manifest["nodes"]["model.fct_marks"]["compiled_code"] = "this is no SQL ("
    found = column_lineage(manifest, types_by_schema())
    assert f"{LATE}.label" in found.unresolved
    assert {f"{MART}.{name}" for name in TYPES[MART]} <= set(found.unresolved)
    assert found.column_count == sum(map(len, (TYPES[STAGED], TYPES[MART], TYPES[LATE])))


def test_lineage_is_worked_out_once_for_a_state_of_the_docs(tmp_path: Path, manifest: dict[str, Any]) -> None:
    assert kept_lineage(tmp_path) == ColumnLineage()
    catalog = {
        "nodes": {
            f"{schema}.{name}": {
                "metadata": {"schema": schema, "name": name},
                "columns": {column: {"type": type_} for column, type_ in columns.items()},
            }
            for schema, tables in types_by_schema().items()
            for name, columns in tables.items()
        },
        "sources": {},
    }
    for name, content in {"manifest.json": manifest, "catalog.json": catalog}.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "fingerprint").write_text("one")
    first = kept_lineage(tmp_path)
    assert first.made_from[MART]["mean_mark"] == [f"{STAGED}.mark"]
    (tmp_path / "manifest.json").unlink()
    assert kept_lineage(tmp_path) == first
    (tmp_path / "fingerprint").write_text("two")
    with pytest.raises(FileNotFoundError):
        kept_lineage(tmp_path)
    assert json.loads((tmp_path / KEPT).read_text())["made_of"] == "one"


def test_every_table_file_and_page_is_a_dataset_with_its_place(facts: Facts) -> None:
    found = by_id(facts)
    assert {id_: dataset.zone for id_, dataset in found.items()} == {
        "landing.school.files": "landing",
        RAW: "raw",
        STAGED: "trusted",
        ML: "curated",
        MART: "curated",
        LATE: "curated",
        "pages.home": "product",
        "platform.stage_status": "platform",
    }
    assert (found[MART].grain, found[MART].description, found[MART].owner) == ("one row a fct_marks", "More.", "Office")
    assert found["platform.stage_status"].grain == "one row a stage"
    assert found["landing.school.files"].rows == 2
    assert found[LATE].downloads == [("CSV", "downloads/rpt.csv")]


def test_lineage_leads_from_the_files_to_the_pages(facts: Facts) -> None:
    found = by_id(facts)
    assert found[RAW].upstream == ["landing.school.files"]
    assert found[ML].upstream == [MART]
    assert found[LATE].upstream == [MART, ML]
    assert found["pages.home"].upstream == [LATE]
    assert found[MART].downstream == [LATE, ML]
    for dataset in found.values():
        assert all(dataset.id in found[one].downstream for one in dataset.upstream)
        assert all(dataset.id in found[one].upstream for one in dataset.downstream)
    column = next(column for column in found[STAGED].columns if column.name == "town")
    assert (column.made_from, column.used_in) == ([f"{RAW}.town"], [f"{MART}.town"])


def test_what_follows_from_the_clusters_is_as_fresh_as_they_are(facts: Facts) -> None:
    found = by_id(facts)
    assert (found[MART].stage, found[MART].newest_quarter, found[MART].run_id) == ("etl", "2026Q4", "run-1")
    assert (found[LATE].stage, found[LATE].newest_quarter, found[LATE].run_id) == ("ml", "2026Q3", "run-0")
    assert (found["pages.home"].stage, found["pages.home"].built_at) == ("publish", None)


def test_checks_show_how_they_ended_last(facts: Facts) -> None:
    found = by_id(facts)
    assert {check.name: check.outcome for check in found[MART].checks} == {
        "not_null_town": "passed",
        "unique_town": "failed",
    }
    assert [(check.outcome, check.description) for check in found[ML].checks] == [("not run", "At most ten.")]


def test_a_class_of_personal_data_goes_on_to_what_is_made_from_the_column(facts: Facts) -> None:
    found = {f"{id_}.{column.name}": column for id_, dataset in by_id(facts).items() for column in dataset.columns}
    assert (found[f"{STAGED}.pupil_id"].personal, found[f"{STAGED}.pupil_id"].personal_by) == (
        "direct_identifier",
        "inherited",
    )
    assert found[f"{LATE}.town"].personal == "quasi_identifier"
    assert found[f"{MART}.mean_mark"].personal == "none"
    # Yes or no names nobody, and what somebody wrote down stays.
    assert found[f"{STAGED}.is_named"].personal == "none"
    assert (found[f"{MART}.listed"].personal, found[f"{MART}.listed"].personal_by) == ("none", "written")
    assert found["platform.stage_status.login"].personal == "direct_identifier"
    assert found["platform.stage_status.login"].description == "Who."
    assert by_id(facts)[MART].personal == "quasi_identifier"


def test_a_table_that_only_one_side_knows_is_named(facts: Facts) -> None:
    assert (undescribed(facts), missing(facts)) == ([], [])
    without = replace(facts, relations=[one for one in facts.relations if one.name != "fct_marks"])
    assert missing(without) == [MART]
    more = replace(facts, relations=[*facts.relations, Relation("school_marts", "left_over", "table", 0, 0, [])])
    assert undescribed(more) == ["school_marts.left_over"]
    assert "school_marts.left_over" in by_id(more)


def test_the_same_facts_give_the_same_document(facts: Facts, lineage: ColumnLineage) -> None:
    documents = [as_json(build_catalog(copy.deepcopy(facts)), lineage, AT, "run-1") for _ in range(2)]
    assert documents[0] == documents[1]
    assert [dataset["id"] for dataset in documents[0]["datasets"]] == list(by_id(facts))


def test_the_page_says_what_is_to_be_looked_at(facts: Facts, lineage: ColumnLineage) -> None:
    page = catalog_page(build_catalog(facts), replace(lineage, unresolved=["a.b.c"]), ["x.left_over"], [MART])
    assert page["headline"] == "8 datasets, 6 with personal data"
    assert len(page["notices"]) == 3
    assert page["tiles"][3]["note"] == "1 failed"

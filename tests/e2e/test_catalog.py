"""The catalog of a real run: complete against the database, lineage of known columns, and its page in a real browser."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from orchestration.core.catalog_build import missing, undescribed
from orchestration.core.catalog_facts import read_facts
from orchestration.core.dbt import load_manifest
from orchestration.core.instance import prepare_instance
from orchestration.core.postgres import Database, open_database
from orchestration.core.settings import Settings
from orchestration.definitions import DOMAINS, build_definitions, dbt_variables
from tests.conftest import Command
from tests.student_performance.test_pages_browser import AXE, CHROMIUM, FLAGS, Watched

LARGEST_PAGE = 500_000
# Not by the catalog's own query, which could leave out what it does not look for.
TABLES_AND_VIEWS = """
    select table_schema || '.' || table_name from information_schema.tables
    where table_schema not in ('pg_catalog', 'information_schema', 'dagster')
        and (table_schema, table_name) not in (
            select relnamespace::regnamespace::text, relname from pg_class where relispartition
        )
"""


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    made = new_command("catalog")
    made(
        "run",
        "--domain",
        "student_performance",
        "--source",
        "sample",
        QUARTERDECK_SAMPLE_QUARTERS="2",
        QUARTERDECK_SAMPLE_ROWS="300",
    )
    return made


@pytest.fixture(scope="module")
def settings(command: Command) -> Settings:
    return Settings(home=command.home)


@pytest.fixture(scope="module")
def database(settings: Settings) -> Database:
    return open_database(settings)


@pytest.fixture(scope="module")
def catalog(command: Command) -> dict[str, Any]:
    return json.loads((command.home / "site" / "platform" / "catalog.json").read_text())


def by_id(catalog: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {dataset["id"]: dataset for dataset in catalog["datasets"]}


def tables(database: Database) -> set[str]:
    with database.connect() as connection:
        return {row[0] for row in connection.execute(TABLES_AND_VIEWS).fetchall()}


def test_the_catalog_holds_every_table_and_view_and_no_other(catalog: dict[str, Any], database: Database) -> None:
    listed = {id_ for id_, dataset in by_id(catalog).items() if dataset["kind"] in ("table", "view", "seed")}
    assert listed == tables(database)
    assert len(listed) > 30


def test_a_table_that_was_dropped_or_slipped_in_is_named(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    monkeypatch.setenv("DAGSTER_HOME", str(prepare_instance(settings, database)))
    manifest = load_manifest(settings, dbt_variables(settings))
    sources = settings, database, list(DOMAINS), manifest, build_definitions(settings)
    with dg.DagsterInstance.get() as instance:
        before = read_facts(*sources, instance)
        with database.connect() as connection:
            connection.execute("alter table student_performance_marts.rpt_segments rename to rpt_slipped_in")
        try:
            after = read_facts(*sources, instance)
        finally:
            with database.connect() as connection:
                connection.execute("alter table student_performance_marts.rpt_slipped_in rename to rpt_segments")
    assert (undescribed(before), missing(before)) == ([], [])
    assert undescribed(after) == ["student_performance_marts.rpt_slipped_in"]
    assert missing(after) == ["student_performance_marts.rpt_segments"]


def test_nearly_every_column_of_the_models_is_traced(catalog: dict[str, Any]) -> None:
    lineage = catalog["column_lineage"]
    assert lineage["columns"] > 200
    assert len(lineage["unresolved"]) <= 0.01 * lineage["columns"], lineage["unresolved"]


def test_known_columns_lead_to_where_they_come_from(catalog: dict[str, Any]) -> None:
    columns = {
        f"{dataset['name']}.{column['name']}": [source.split(".", 1)[1] for source in column["made_from"]]
        for dataset in catalog["datasets"]
        for column in dataset["columns"]
    }
    cube = ["rpt_exam_cube.pass_count", "rpt_exam_cube.student_count"]
    assert columns["rpt_quarters.pass_pct"] == cube
    assert columns["rpt_quarters.file_name"] == ["landing_files.name"]
    assert columns["rpt_segments.reason"] == ["cluster_profiles.reason"]
    assert columns["fct_coded_results.lunch_code"] == ["dim_codes.code"]
    assert columns["fct_score_range_cells.student_count"] == ["fct_score_sets.student_count"]


def test_every_dataset_says_whose_it_is_and_how_it_stands(catalog: dict[str, Any], command: Command) -> None:
    runs = {row["run_id"] for row in command.rows("select distinct run_id from platform.stage_status")}
    for dataset in catalog["datasets"]:
        assert dataset["owner"], dataset["id"]
        assert dataset["grain"] or dataset["description"], dataset["id"]
        if dataset["domain"] not in ("platform", "attendance"):  # nothing of attendance was loaded here
            assert dataset["built_at"], dataset["id"]
            assert dataset["run_id"] in runs, dataset["id"]
        outcomes = {check["outcome"] for check in dataset["checks"]}
        assert outcomes <= {"passed"}, (dataset["id"], outcomes)
    found = by_id(catalog)
    assert found["student_performance_marts.rpt_quarters"]["rows"] == 2
    assert len(found["student_performance_marts.rpt_quarters"]["downloads"]) == 2
    assert sum(len(dataset["checks"]) for dataset in catalog["datasets"]) > 30


def test_the_page_is_small_enough(command: Command) -> None:
    assert (command.home / "site" / "platform" / "catalog.html").stat().st_size < LARGEST_PAGE


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def address(command: Command, anchor: str = "") -> str:
    return f"file://{command.home}/site/platform/catalog.html{anchor}"


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_axe_finds_nothing_serious(browser: Browser, command: Command, width: int) -> None:
    watched = Watched(browser, width)
    page = watched.open(address(command))
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    devtools = page.context.new_cdp_session(page)
    devtools.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    run = "axe.run(document, {preload: false}).then(r => JSON.stringify(r.violations.map(v => [v.impact, v.id])))"
    answer = devtools.send("Runtime.evaluate", {"expression": run, "awaitPromise": True})
    found = json.loads(answer["result"]["value"])
    assert [violation for violation in found if violation[0] in ("serious", "critical")] == []
    assert watched.said == []
    folder = str(Path(command.home, "site").resolve())
    assert [url for url in watched.requested if folder not in url and str(command.home) not in url] == []
    page.context.close()


@pytest.mark.browser
def test_search_finds_tables_and_columns(browser: Browser, command: Command) -> None:
    page = Watched(browser).open(address(command))
    shown = page.locator("details.dataset:not([hidden])")
    everything = shown.count()
    page.fill("#catalog-words", "rpt_seg")
    assert {element.get_attribute("id").split(".")[1] for element in shown.all()} == {
        "rpt_segments",
        "rpt_segment_cube",
        "rpt_segment_moves",
    }
    page.fill("#catalog-words", "pass_pct")
    assert page.locator("tr.is-found code").all_inner_texts()[0] == "pass_pct"
    assert 0 < shown.count() < everything
    page.fill("#catalog-words", "no such name")
    assert page.inner_text("#catalog-count") == "0 datasets"
    page.click("#reset")
    assert shown.count() == everything
    page.select_option('[data-filter="zone"]', "raw")
    assert {element.get_attribute("data-zone") for element in shown.all()} == {"raw"}
    page.context.close()


@pytest.mark.browser
def test_a_link_to_a_dataset_opens_it(browser: Browser, command: Command) -> None:
    page = Watched(browser).open(address(command, "#student_performance_marts.rpt_quarters"))
    opened = page.locator("details.dataset[open]")
    assert opened.get_attribute("id") == "student_performance_marts.rpt_quarters"
    opened.locator("a", has_text="rpt_exam_cube").first.click()
    page.wait_for_selector("[id='student_performance_marts.rpt_exam_cube'][open]")
    page.context.close()


@pytest.mark.browser
def test_the_page_is_a_plain_list_without_javascript(browser: Browser, command: Command) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address(command))
    assert not page.locator("#catalog-search").is_visible()
    page.locator("details.dataset summary").first.click()
    assert page.locator("details.dataset .facts").first.is_visible()
    page.context.close()


def test_a_class_of_personal_data_follows_the_columns(catalog: dict[str, Any]) -> None:
    personal = {
        f"{dataset['name']}.{column['name']}": column["personal"]
        for dataset in catalog["datasets"]
        for column in dataset["columns"]
    }
    assert personal["exam_lines.source_student_id"] == "pseudonym"
    assert personal["stg_student_performance__repeated_ids.source_student_id"] == "pseudonym"
    assert personal["rpt_exam_cube.gender"] == "quasi_identifier"
    assert personal["fct_score_ranges.mean_score"] == "none"
    assert personal["fct_exam_results.has_own_id"] == "none"

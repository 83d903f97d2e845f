"""The monitoring page: what it says of an office, and how it stands in a real browser."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from pydantic import SecretStr

from orchestration.core.monitoring.page import QUERIES, TEMPLATE, MonitoringData, load_monitoring, monitoring_context
from orchestration.core.monitoring.rules import load_rules
from orchestration.core.monitoring.watch import evaluate
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, open_database, remove_embedded
from orchestration.core.settings import Settings
from orchestration.core.site import STATIC_FOLDER, SiteBuilder, SiteFacts, environment
from orchestration.core.site_check import check_site
from tests.core.alert_receiver import Receiver, receiving
from tests.core.quarter_history import (
    FAULTS,
    QUARTERS,
    begin_anew,
    clean_office,
    measure_run,
    measure_store,
    store,
)

NOW = datetime.now(UTC)
HOSTILE = "<script>alert(1)</script>"
AXE = resources.files("axe_playwright_python") / "axe.min.js"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Settings, Receiver]]:
    """An office whose last quarter holds every row twice and whose last run was dear, with a target on loopback."""
    home = tmp_path_factory.mktemp("monitoring")
    with receiving() as receiver:
        settings = Settings(home=home, alert_urls=SecretStr(receiver.url))
        database = open_database(settings)
        begin_anew(database)
        figures = clean_office(7)
        FAULTS["every_row_is_there_twice"][2](figures, QUARTERS[-1])
        store(database, figures)
        with database.connect() as connection:  # nothing is late
            connection.execute(
                "insert into platform.quarter_files values ('clean', %s, '', %s, now())",
                (str(Quarter.of(NOW.date())), QUARTERS[-1]),
            )
        for place in range(30):
            measure_run(database, f"run {place}", seconds=20 + place % 7, memory=4 * 10**8 + place * 10**6)
            measure_store(database, f"run {place}", 10**8 + place * 3 * 10**6, 0.02)
        measure_run(database, "dear", seconds=3600, cost=0.75)
        measure_store(database, "dear", 2 * 10**8, 0.02)
        yield database, settings, receiver
        remove_embedded(settings)


def data_of(database: Database) -> MonitoringData:
    with database.connect() as connection:
        return load_monitoring(connection, load_rules(NOW.date()), NOW)


def build(data: MonitoringData, folder: Path) -> Path:
    facts = SiteFacts(
        "Quarterdeck", "Platform", "Internal edition", "2025Q4", NOW, "run", [], [(TEMPLATE, "Monitoring")], ["file"]
    )
    builder = SiteBuilder(folder, facts, environment())
    builder.static(STATIC_FOLDER)
    page = builder.page(TEMPLATE, **monitoring_context(data))
    builder.write("index.html", page.read_text())
    builder.manifest()
    check_site(folder)
    return page


def test_a_budget_and_an_anomaly_are_each_seen_once_on_the_page_and_at_the_target(
    office: tuple[Database, Settings, Receiver], tmp_path: Path
) -> None:
    database, settings, receiver = office
    for _ in range(2):
        evaluate(database, settings, NOW, print)
    told = sorted(receiver.taken())
    assert [kind for kind, _ in told] == ["failure", "warning"]
    assert f"{QUARTERS[-1]}: " in told[0][1]
    assert "Budget cost of a run, clean: 0.75 USD" in told[1][1]
    context = monitoring_context(data_of(database))
    assert context["headline"] == "2 alerts are open"
    assert sorted(alert["message"] for alert in context["open_alerts"]) == sorted(message for _, message in told)
    page = build(data_of(database), tmp_path / "site").read_text()
    for _, message in told:
        assert page.count(message) == 1
    over = [budget["name"] for budget in context["budgets"] if budget["is_over"]]
    assert over == ["Cost of a run"]


def test_trends_are_of_the_runs_and_zones(office: tuple[Database, Settings, Receiver]) -> None:
    context = monitoring_context(data_of(office[0]))
    (domain,) = context["domains"]
    rows, seconds, memory, cost = domain["trends"]
    assert len(rows["bars"]) == 40
    assert (rows["bars"][-1]["label"], rows["bars"][-1]["height"]) == ("2025 Q4", 100)
    assert [len(chart["bars"]) for chart in (seconds, memory, cost)] == [31, 31, 31]
    assert seconds["bars"][-1]["text"] == "1 h 0 min"
    assert cost["bars"][-1]["text"] == "0.75 USD"
    assert len(context["store"]["bars"]) == 31
    assert context["store"]["bars"][-1]["sizes"][1] == "200.0 MB"
    assert sum(part["height"] for part in context["store"]["bars"][-1]["parts"]) == pytest.approx(100)


def test_an_installation_without_any_run_has_a_page(tmp_path: Path) -> None:
    empty = MonitoringData({name: [] for name in QUERIES}, [], "USD")
    context = monitoring_context(empty)
    assert context["headline"] == "Nothing unusual: no alert is open"
    build(empty, tmp_path / "site")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield started
        started.close()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (390, "light"), (1280, "light"), (1280, "dark")])
def test_the_page_fits_says_nothing_and_is_accessible(
    office: tuple[Database, Settings, Receiver], browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    database, settings, _ = office
    with database.connect() as connection:
        connection.execute(
            "insert into platform.alerts (key, kind, severity, domain, message, opened_at, closed_at) "
            "values ('hostile', 'stage', 'critical', 'clean', %s, now(), now()) on conflict do nothing",
            (HOSTILE,),
        )
    evaluate(database, settings, NOW, print)
    build(data_of(database), tmp_path / "site")
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
    page.goto(f"file://{tmp_path}/site/{TEMPLATE}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("main script").count() == 0
    shots = Path(os.environ.get("QUARTERDECK_SCREENSHOTS", tmp_path))
    page.screenshot(path=shots / f"monitoring-{width}-{scheme}.png", full_page=True)
    for summary in page.locator("summary").all():
        summary.click()
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    run = "axe.run({preload: false}).then(r => JSON.stringify(r.violations.map(v => [v.id, v.nodes[0].html])))"
    found = session.send("Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True})
    assert found["result"]["value"] == "[]"
    assert said == []
    page.context.close()

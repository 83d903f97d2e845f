"""The built pages in a real browser: from disk and from a server, phone and desktop, light and dark."""

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from orchestration.student_performance.pages import build_pages
from tests.student_performance.pages_data import QUARTERS, pages_data

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = ("index", "results", "segments", "status", "quality", "definitions", "about")
HOSTILE = "<script>alert(1)</script>"
# The accessibility checker, from the package that brings its script.
AXE = resources.files("axe_playwright_python") / "axe.min.js"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "site"
    build_pages(pages_data(QUARTERS[-4:], 400, hostile=HOSTILE, file_name="<b>exam</b>.csv"), folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing: a request is not news."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Watched:
    """A page whose console messages, errors and requests are kept."""

    def __init__(self, browser: Browser, width: int = 1280, scheme: str = "light") -> None:
        self.page: Page = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True
        ).new_page()
        self.said: list[str] = []
        self.requested: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requested.append(request.url))

    def open(self, url: str) -> Page:
        self.page.goto(url)
        self.page.evaluate("for (const d of document.querySelectorAll('.chart')) d.scrollIntoView()")
        for chart in self.page.locator(".chart").all():
            if chart.is_visible():
                chart.scroll_into_view_if_needed()
                self.page.wait_for_function("e => e.dataset.ready === 'true'", arg=chart.element_handle())
        return self.page


def serious_findings(page: Page) -> list[list[object]]:
    """What axe-core finds in a page that is serious or critical: impact, rule and the first elements."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    run = "axe.run(document, {preload: false}).then(r => "
    run += (
        "JSON.stringify(r.violations.map(v => [v.impact, v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))])))"
    )
    answer = devtools.send("Runtime.evaluate", {"expression": run, "awaitPromise": True})
    violations = page.evaluate("text => JSON.parse(text)", answer["result"]["value"])
    return [violation for violation in violations if violation[0] in ("serious", "critical")]


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    made = Watched(browser)
    yield made
    made.page.context.close()


@pytest.mark.parametrize("from_disk", [True, False])
def test_pages_say_nothing_and_ask_for_nothing_outside(
    watched: Watched, site: Path, address: str, from_disk: bool
) -> None:
    root = f"file://{site}" if from_disk else address
    for name in PAGES:
        watched.open(f"{root}/{name}.html")
    assert watched.said == []
    assert [url for url in watched.requested if not url.startswith(f"{root}/")] == []


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (390, "dark"), (1280, "light"), (1600, "dark")])
def test_pages_fit_the_width(browser: Browser, site: Path, tmp_path: Path, width: int, scheme: str) -> None:
    shots = Path(os.environ.get("QUARTERDECK_SCREENSHOTS", tmp_path))
    watched = Watched(browser, width, scheme)
    for name in PAGES:
        page = watched.open(f"file://{site}/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
    watched.page.context.close()


def marks(page: Page, chart: str) -> list[str]:
    return page.locator(f"#{chart} .mark-rect path, #{chart} .mark-line path").evaluate_all(
        "all => all.map(e => e.getAttribute('d'))"
    )


def test_filter_changes_charts_table_and_address(watched: Watched, site: Path) -> None:
    page = watched.open(f"file://{site}/results.html")
    before = marks(page, "ranges-chart"), marks(page, "trend-chart"), page.inner_text("#groups-table")
    page.select_option('[data-filter="lunch"]', "standard")
    page.wait_for_timeout(300)
    after = marks(page, "ranges-chart"), marks(page, "trend-chart"), page.inner_text("#groups-table")
    assert before[0]
    assert before[1]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert page.url.endswith("#lunch=standard")
    page.reload()
    assert page.input_value('[data-filter="lunch"]') == "standard"
    assert page.inner_text("#groups-table") == after[2]
    page.click("#reset")
    assert page.inner_text("#groups-table") == before[2]
    assert "#" not in page.url


def test_filter_figures_are_those_of_the_cube(watched: Watched, site: Path) -> None:
    data = pages_data(QUARTERS[-4:], 400, hostile=HOSTILE)
    cube = data.exam_cube.query("quarter == @QUARTERS[-1] and lunch == 'standard' and gender == 'male'")
    page = watched.open(f"file://{site}/results.html#lunch=standard&gender=male")
    tiles = page.locator("#tiles .tile-value").all_inner_texts()
    students = cube["student_count"].sum()
    assert tiles[0] == f"{students}"
    assert tiles[2] == f"{cube['math_score_sum'].sum() / students:.1f}"


def test_each_scheme_shows_its_ranges_or_says_why_not(watched: Watched, site: Path) -> None:
    page = watched.open(f"file://{site}/results.html")
    for scheme, rows in (("ten_point", 10), ("equal_width", 10), ("us_letter", 5), ("kaggle_grade", 6)):
        page.select_option('[data-filter="scheme"]', scheme)
        assert page.locator("#ranges-table tbody tr").count() == rows, scheme
    page.select_option('[data-filter="lunch"]', "standard")
    page.select_option('[data-filter="gender"]', "male")
    assert "one group at a time" in page.inner_text("#scheme-note")


def test_a_group_with_no_student_says_so(watched: Watched, site: Path) -> None:
    narrow = "race_ethnicity=group A&parental_level_of_education=master's degree&"
    narrow += "lunch=free/reduced&test_preparation_course=completed&gender=female&quarter=2026Q1"
    page = watched.open(f"file://{site}/results.html#{narrow}")
    tiles = page.locator("#tiles .tile-value").all_inner_texts()
    assert tiles[0] == "0", "choose a group without students"
    assert tiles[1:] == ["—"] * 4
    assert "No students match" in page.inner_text("#scheme-note")


def test_segments_filter_and_moves(watched: Watched, site: Path) -> None:
    page = watched.open(f"file://{site}/segments.html")
    before = page.inner_text("#profiles"), page.inner_text("#members-table"), page.inner_text("#moves-table")
    page.select_option('[data-filter="quarter"]', "2026Q3")
    assert page.inner_text("#profiles") != before[0]
    assert page.inner_text("#moves-table") != before[2]
    page.select_option('[data-filter="quarter"]', "2026Q1")
    assert "Moves need the quarter before" in page.inner_text("#moves-note")


def test_hostile_names_show_as_text(watched: Watched, site: Path) -> None:
    page = watched.open(f"file://{site}/results.html#compare=race_ethnicity")
    assert HOSTILE in page.inner_text("#groups-table")
    assert HOSTILE in page.inner_text("#gap-chart-legend")
    assert "<b>exam</b>.csv" in page.inner_text("footer")
    page.locator("#gap-chart .mark-symbol path").first.hover(force=True)
    assert watched.said == []


def test_keyboard_reaches_the_filters_and_sorts(watched: Watched, site: Path) -> None:
    page = watched.open(f"file://{site}/results.html")
    page.evaluate("window.scrollTo(0, 0)")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.filter || document.activeElement.className"))
    assert reached[0] == "skip"
    assert {"quarter", "gender", "lunch", "scheme", "compare"} <= set(reached)
    page.focus('[data-filter="quarter"]')
    page.keyboard.press("ArrowDown")
    assert "quarter=2026Q3" in page.url
    page.focus('#groups-table [data-key="students"]')
    page.keyboard.press("Enter")
    assert page.locator('#groups-table th[aria-sort="descending"]').inner_text().startswith("Students")


def test_theme_switch_changes_and_is_remembered(watched: Watched, address: str) -> None:
    page = watched.open(f"{address}/index.html")
    colour = "getComputedStyle(document.body).backgroundColor"
    light, line = page.evaluate(colour), page.locator("#home-chart .mark-line path").first.get_attribute("stroke")
    page.click("#theme")
    page.wait_for_timeout(400)
    assert page.evaluate(colour) != light
    assert page.locator("#home-chart .mark-line path").first.get_attribute("stroke") != line
    page.goto(f"{address}/status.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert watched.said == []


def test_view_is_saved_as_csv(watched: Watched, site: Path) -> None:
    page = watched.open(f"file://{site}/results.html#compare=lunch")
    with page.expect_download() as waiting:
        page.click('[data-csv="groups-table"]')
    lines = Path(waiting.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("Lunch,Students,Mathematics mean")
    assert len(lines) == 4


def test_pages_print(watched: Watched, site: Path) -> None:
    for name in PAGES:
        pdf = watched.open(f"file://{site}/{name}.html").pdf(format="A4")
        assert pdf.startswith(b"%PDF")
        assert len(pdf) > 10_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, site: Path, scheme: str) -> None:
    watched = Watched(browser, scheme=scheme)
    found = []
    for name in PAGES:
        page = watched.open(f"file://{site}/{name}.html")
        found += [(name, *violation) for violation in serious_findings(page)]
    watched.page.context.close()
    assert found == []

"""The attendance pages in a real browser: from disk, phone and desktop, light and dark."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from orchestration.attendance.external_pages import build_external_pages
from orchestration.attendance.pages import build_pages
from orchestration.core.disclosure import Rules
from tests.attendance.pages_data import pages_data
from tests.student_performance.test_pages_browser import HOSTILE, Watched, browser, serious_findings  # noqa: F401

pytestmark = pytest.mark.browser
PAGES = ("index", "students", "definitions")
EXTERNAL_PAGES = ("index", "daily", "about")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attendance") / "site"
    build_pages(pages_data(hostile=HOSTILE), folder)
    return folder


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attendance-external") / "site"
    assert build_external_pages(pages_data(hostile=HOSTILE), Rules(), folder)
    return folder


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_pages_fit_the_width_and_say_nothing(
    browser: Browser,  # noqa: F811
    site: Path,
    external: Path,
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    shots = Path(os.environ.get("QUARTERDECK_SCREENSHOTS", tmp_path))
    watched = Watched(browser, width, scheme)
    for folder, name in [*((site, name) for name in PAGES), *((external, name) for name in EXTERNAL_PAGES)]:
        page = watched.open(f"file://{folder}/attendance/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        edition = "external-" if folder == external else ""
        page.screenshot(path=shots / f"attendance-{edition}{name}-{width}-{scheme}.png", full_page=True)
        page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert serious_findings(page) == [], name
    watched.page.context.close()
    assert watched.said == []
    assert [url for url in watched.requested if not url.startswith((f"file://{site}/", f"file://{external}/"))] == []


def test_hostile_reasons_and_segments_show_as_text(browser: Browser, site: Path) -> None:  # noqa: F811
    watched = Watched(browser)
    page = watched.open(f"file://{site}/attendance/students.html")
    assert HOSTILE in page.inner_text("main")
    assert watched.said == []
    watched.page.context.close()

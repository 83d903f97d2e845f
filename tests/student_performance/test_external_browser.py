"""The external edition in a real browser: from disk, phone and desktop, light and dark."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from orchestration.core.disclosure import Rules
from orchestration.student_performance.external import external_quarters
from orchestration.student_performance.external_pages import build_external_pages
from tests.student_performance.pages_data import QUARTERS, pages_data
from tests.student_performance.test_pages_browser import HOSTILE, Watched, browser, serious_findings  # noqa: F401

pytestmark = pytest.mark.browser
PAGES = ("index", "results", "segments", "about")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("external") / "site"
    data = pages_data(QUARTERS[-3:], 600, hostile=HOSTILE)
    build_external_pages(data, external_quarters(data, Rules()), Rules(), folder)
    return folder


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (390, "dark"), (1280, "light"), (1600, "dark")])
def test_pages_fit_the_width_and_say_nothing(
    browser: Browser,  # noqa: F811
    site: Path,
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    shots = Path(os.environ.get("QUARTERDECK_SCREENSHOTS", tmp_path))
    watched = Watched(browser, width, scheme)
    for name in PAGES:
        page = watched.open(f"file://{site}/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert "External edition" in page.inner_text("footer")
        page.screenshot(path=shots / f"external-{name}-{width}-{scheme}.png", full_page=True)
    watched.page.context.close()
    assert watched.said == []
    assert [url for url in watched.requested if not url.startswith(f"file://{site}/")] == []


def test_hidden_figures_are_marked_and_explained(browser: Browser, site: Path) -> None:  # noqa: F811
    watched = Watched(browser)
    page = watched.open(f"file://{site}/results.html")
    assert page.locator("td abbr[title=suppressed]", has_text="[c]").count() > 20
    assert "fewer than 10 students" in page.inner_text("main")
    assert HOSTILE in page.inner_text("#grade-" + QUARTERS[-1] + " ~ div")
    page.click("details.card > summary")
    assert page.locator("details.card[open] table").count() == 5
    watched.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_accessibility_finding(browser: Browser, site: Path, scheme: str) -> None:  # noqa: F811
    watched = Watched(browser, scheme=scheme)
    found = []
    for name in PAGES:
        page = watched.open(f"file://{site}/{name}.html")
        page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        found += [(name, *violation) for violation in serious_findings(page)]
    watched.page.context.close()
    assert found == []

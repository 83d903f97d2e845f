"""The figures of a page as a browser shows them, which its scripts add up, against the witness."""

from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import sync_playwright

from orchestration.core.figures import FigureId, Shown
from orchestration.core.witness import Figures
from tests.student_performance.test_pages_browser import CHROMIUM, FLAGS


class Witness(Protocol):
    """What the witnesses of the domains have in common."""

    def figures(self, table: str) -> Figures:
        """Every figure of a table."""


def drawn_figures(page: Path, states: list[str]) -> set[tuple[str, str]]:
    """Id and text of each figure of the page, for each of these states of its filters, as the address has them."""
    found = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for state in states:
            shown = browser.new_page()
            shown.goto(f"{page.as_uri()}#{state}")
            figures = "found => found.map((element) => [element.dataset.figure, element.textContent])"
            found |= {(text_id, text) for text_id, text in shown.eval_on_selector_all("[data-figure]", figures)}
            shown.close()
        browser.close()
    return found


def disagreeing(drawn: set[tuple[str, str]], witness: Witness) -> list[tuple[str, str, Any]]:
    """The figures that show another value than the witness has."""
    known: dict[str, Figures] = {}
    differing = []
    for text_id, text in sorted(drawn):
        figure = FigureId.parse(text_id)
        rows = known.setdefault(figure.table, known.get(figure.table) or witness.figures(figure.table))
        value = rows.get((figure.quarter, *figure.key), {}).get(figure.column, 0)
        if not Shown(figure, "", text, is_text=True).agrees(value):
            differing.append((text_id, text, value))
    return differing

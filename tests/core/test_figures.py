"""Ids of figures, and how what a page shows is compared with a value."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.errors import QuarterdeckError
from orchestration.core.figures import FigureId, Shown, marked, read_page
from orchestration.core.site_format import change, decimal, percent

WORD = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
FIGURE = FigureId("exams", "2026Q4", "cube", ("group A", "10.5%"), "student_count")


@given(WORD, WORD, st.lists(st.text(), max_size=4), WORD)
def test_an_id_is_read_back(domain: str, table: str, key: list[str], column: str) -> None:
    figure = FigureId(domain, "2026Q4", table, tuple(key), column)
    # One empty part and no key are the same text; no table has a key of one part that may be missing.
    if key != [""]:
        assert FigureId.parse(str(figure)) == figure


def test_an_id_is_readable() -> None:
    assert str(FIGURE) == "exams.2026Q4.cube.group A,10%2E5%25.student_count"
    with pytest.raises(QuarterdeckError, match="no figure's id"):
        FigureId.parse("2026Q4")


@given(st.decimals(-10_000, 10_000, places=4), st.integers(0, 3))
def test_text_agrees_with_its_value_only(value: Any, places: int) -> None:
    shown = Shown(FIGURE, "index.html", decimal(value, places), is_text=True)
    assert shown.agrees(value)
    assert not shown.agrees(float(value) + 2 * 10**-places)


@pytest.mark.parametrize(
    ("text", "value", "agrees"),
    [
        (percent(92.5703), 92.5703, True),
        (percent(92.5703), 92.4499, False),
        ("1,000", 1000, True),
        ("1,001", 1000, False),
        (decimal(None), None, True),
        (decimal(None), 0, False),
        (change(1.25), 1.25, True),
        (change(1.25), -1.25, False),
        (change(-1.25), -1.25, True),
        (change(-0.01), -0.01, True),
        (change(-0.01), 1, False),
        ("66.3", 66.25 - 1e-13, True),
        ("66.3", 66.2499, False),
        ("<1", 0.3, True),
        ("<1", 0, False),
        ("<1", 1.2, False),
        ("three", 3, False),
        ("", 0, False),
    ],
)
def test_text_of_a_page(text: str, value: Any, agrees: bool) -> None:
    assert Shown(FIGURE, "index.html", text, is_text=True).agrees(value) is agrees


def test_counts_are_compared_exactly_and_sums_as_the_nearest_float() -> None:
    assert not Shown(FIGURE, "a.csv", 10**15).agrees(10**15 + 1)
    assert Shown(FIGURE, "a.csv", 208.6667).agrees(208.66670000000002)
    assert not Shown(FIGURE, "a.csv", 208.6667).agrees(208.6668)
    assert not Shown(FIGURE, "a.csv", [1, 2]).agrees([2, 1])


def test_a_page_is_read_with_its_figures_payload_and_numbers_without_id(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        f"""<p>2 outside</p><main><p>In {marked("1,000", FIGURE)} lines, {marked("7", None)} of 2026</p></main>
        <script type="application/json" id="payload">{{"cube": [3]}}</script>"""
    )
    read = read_page(page)
    assert read.figures == [(str(FIGURE), "1,000")]
    assert read.payload == {"cube": [3]}
    assert read.numbers_without_id == 2

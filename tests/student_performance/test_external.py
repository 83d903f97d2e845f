"""The external edition and the attack on it: planted leaks are found, and an edition that leaks is not published."""

import json
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from orchestration.core.disclosure import ALL, STUDENTS, Cell, Rules
from orchestration.core.disclosure_attack import attack
from orchestration.core.disclosure_suppression import Protected, primary, protect
from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Settings
from orchestration.core.site_check import check_site
from orchestration.student_performance import external_publish
from orchestration.student_performance.external import (
    ExternalQuarter,
    external_quarters,
    means_of,
    quarter_counts,
    results_table,
)
from orchestration.student_performance.external_pages import build_external_pages
from orchestration.student_performance.pages import build_pages
from tests.student_performance.pages_data import QUARTERS, pages_data

RULES = Rules()
DOMAINS = {"student_performance": "Exams"}
DATA = pages_data(QUARTERS[-2:], 1000)
TWO = external_quarters(DATA, RULES)
NEWEST = TWO[-1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("external") / "site"
    build_external_pages(DATA, TWO, RULES, folder)
    return folder


@pytest.fixture
def site(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "site"))


@pytest.mark.parametrize("seed", range(4))
def test_the_same_is_hidden_each_time(seed: int) -> None:
    """Whoever keeps two builds of one quarter must not learn more from both. This one has several equally good solutions."""
    data, quarter = pages_data(QUARTERS, 700), "2026Q3"
    about, means = quarter_counts(data, quarter), means_of(data, quarter, RULES)
    once = protect(about.counts, means, about.schemes, RULES)
    counts = list(about.counts.items())
    random.Random(seed).shuffle(counts)
    random.Random(seed).shuffle(means)
    again = protect(dict(counts), means, about.schemes, RULES)
    assert again.figures == once.figures
    assert set(again.means) == set(once.means)


def hidden_cell(*, blurred: bool = False) -> tuple[Cell, int]:
    """A hidden cell of one group of the newest quarter, of a few students, with its true count."""
    for cell, figure in sorted(NEWEST.protected.figures.items()):
        count = NEWEST.about.counts[cell]
        is_wanted = figure.count is None and (figure.share is not None) == blurred
        is_small = 0 < count < RULES.minimum_count
        if is_wanted and cell.group and cell.measure == "math" and count % RULES.rounded_to and (blurred or is_small):
            return cell, count
    raise AssertionError("the sample has no such cell")


def test_the_attack_finds_nothing_in_the_edition(built: Path) -> None:
    assert check_site(built, beside=()) == 4
    found = attack(built, RULES)
    assert not found.succeeded
    assert found.hidden > 40
    assert found.numbers_read > 2 * 486


def test_the_truth_is_never_outside_what_the_edition_says() -> None:
    for one in TWO:
        for cell, figure in one.protected.figures.items():
            count, size = one.about.counts[cell], one.about.counts[cell.total]
            if figure.count is not None:
                assert count >= RULES.minimum_count
                assert abs(figure.count - count) <= 2
            elif figure.share is not None:
                assert figure.share[0] <= 100 * count / size <= figure.share[1]


def test_the_same_attack_succeeds_on_the_internal_edition(tmp_path: Path) -> None:
    build_pages(pages_data(QUARTERS[-1:], 300), tmp_path / "site")
    found = attack(tmp_path / "site", RULES)
    by_five = found.in_the_open_by_dimensions()[5]
    cube = pages_data(QUARTERS[-1:], 300).exam_cube
    assert by_five.cells == len(cube)
    assert by_five.small == (cube["student_count"] < RULES.minimum_count).sum() > 0


def test_the_same_attack_undoes_hiding_small_counts_alone(tmp_path: Path) -> None:
    exact = replace(RULES, rounded_to=1, low_pct=0, high_pct=100)
    about = quarter_counts(DATA, QUARTERS[-1])
    alone = ExternalQuarter(QUARTERS[-1], Protected(primary(about.counts, exact), [], frozenset()), about)
    build_external_pages(DATA, [alone], exact, tmp_path / "site")
    found = attack(tmp_path / "site", RULES)
    assert len(found.pinned) > 10
    assert found.exact > 0
    for cell, (low, high) in found.pinned.items():
        assert low <= about.counts[cell] <= high


Plant = Callable[[Path, Cell, int], None]


def _add_to_page(site: Path, html: str, page: str = "results.html") -> None:
    path = site / page
    path.write_text(path.read_text().replace("</main>", f"{html}</main>"))


def _record(cell: Cell, count: int) -> dict[str, object]:
    dimension, value = cell.group[0]
    return {"quarter": cell.quarter, "dimension": dimension, "dimension_value": value, "measure": cell.measure,
            "category": cell.category, "student_count": count}  # fmt: skip


def plant_payload(site: Path, cell: Cell, count: int) -> None:
    _add_to_page(site, f'<script type="application/json">{json.dumps({"rows": [_record(cell, count)]})}</script>')


def plant_bare_payload(site: Path, cell: Cell, count: int) -> None:
    _add_to_page(site, f'<script type="application/json">{{"cube": [[{count}]]}}</script>')


def plant_csv(site: Path, cell: Cell, count: int) -> None:
    pd.DataFrame([_record(cell, count)]).to_csv(site / "downloads" / "extra.csv", index=False)


def plant_parquet(site: Path, cell: Cell, count: int) -> None:
    pd.DataFrame([_record(cell, count)]).to_parquet(site / "downloads" / "extra.parquet")


def plant_in_the_download(site: Path, cell: Cell, count: int) -> None:
    path = site / "downloads" / "results.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    _, value = cell.group[0]
    rows = (frame["quarter"] == cell.quarter) & (frame["dimension_value"] == value)
    rows &= (frame["measure"] == cell.measure) & (frame["category"] == cell.category)
    assert rows.sum() == 1
    frame.loc[rows, "student_count"] = str(count)
    frame.to_csv(path, index=False)


def plant_percentage(site: Path, cell: Cell, count: int) -> None:
    share = 100 * count / NEWEST.about.counts[cell.total]
    _in_cell(site, cell, lambda _: f"{share:.2f} %")


def plant_bar(site: Path, cell: Cell, count: int) -> None:
    share = 100 * count / NEWEST.about.counts[cell.total]
    _in_cell(site, cell, lambda text: f'{text}<svg><rect width="{share:.2f}"></rect></svg>')


def plant_title(site: Path, cell: Cell, count: int) -> None:
    _add_to_page(site, f'<p title="{count} of them">Hover here</p>')


def plant_prose(site: Path, cell: Cell, count: int) -> None:
    _add_to_page(site, "<p>An outsider reads that 17.3 of them were there.</p>", "about.html")


def plant_comment(site: Path, cell: Cell, count: int) -> None:
    _add_to_page(site, f"<!-- {count + 0.3} -->", "about.html")


def plant_script(site: Path, cell: Cell, count: int) -> None:
    (site / "assets" / "data.js").write_text(f"window.cube = [{count}];")


def plant_unknown_column(site: Path, cell: Cell, count: int) -> None:
    pd.DataFrame([_record(cell, 0) | {"student_count": None, "highest_score": 97}]).to_csv(
        site / "downloads" / "extremes.csv", index=False
    )


def _in_cell(site: Path, cell: Cell, change: Callable[[str], str]) -> None:
    path = site / "results.html"
    dimension, value = cell.group[0]
    pattern = re.compile(
        rf'(<table data-quarter="{cell.quarter}" data-measure="{cell.measure}".*?'
        rf'data-dimension="{dimension}" data-dimension-value="{re.escape(value)}">.*?'
        rf'data-category="{re.escape(cell.category)}">)(.*?)(</td>)',
        re.DOTALL,
    )
    text, replaced = pattern.subn(lambda m: m[1] + change(m[2]) + m[3], path.read_text(), count=1)
    assert replaced == 1
    path.write_text(text)


@pytest.mark.parametrize(
    "plant", [plant_payload, plant_csv, plant_parquet, plant_in_the_download, plant_percentage, plant_bar]
)
def test_a_planted_figure_pins_its_cell(site: Path, plant: Plant) -> None:
    cell, count = hidden_cell()
    plant(site, cell, count)
    found = attack(site, RULES)
    assert found.pinned[cell][0] <= count <= found.pinned[cell][1]
    assert found.succeeded


@pytest.mark.parametrize(
    "plant", [plant_bare_payload, plant_title, plant_prose, plant_comment, plant_script, plant_unknown_column]
)
def test_a_planted_number_of_unknown_meaning_fails_the_edition(site: Path, plant: Plant) -> None:
    cell, _ = hidden_cell()
    plant(site, cell, 7)
    found = attack(site, RULES)
    assert found.not_understood
    assert found.succeeded


def test_a_planted_exact_count_of_a_blurred_share_is_found(site: Path) -> None:
    cell, count = hidden_cell(blurred=True)
    plant_csv(site, cell, count)
    assert attack(site, RULES).pinned[cell] == (count, count)


def test_no_figure_of_the_edition_tells_of_more_than_one_characteristic_nor_of_a_person(built: Path) -> None:
    everything = " ".join(path.read_text() for path in sorted(built.rglob("*.html")))
    assert DATA.run_id not in everything + (built / "site.json").read_text()
    assert "exam_results_" not in everything
    assert "dbt/" not in everything
    assert {path.name for path in (built / "downloads").iterdir()} == {
        "results.csv", "results.parquet", "groups.csv", "groups.parquet",
    }  # fmt: skip
    table = results_table(TWO)
    assert not table.duplicated(["quarter", "dimension", "dimension_value", "measure", "category"]).any()


def test_a_small_quarter_is_left_out_and_said_so(tmp_path: Path) -> None:
    mixed = pages_data(QUARTERS[-2:], 1000)
    small = mixed.quarters.copy()
    small.loc[small["quarter"] == QUARTERS[-2], "student_count"] = 99
    mixed = replace(mixed, quarters=small)
    shown = external_quarters(mixed, RULES)
    assert [one.quarter for one in shown] == [QUARTERS[-1]]
    build_external_pages(mixed, shown, RULES, tmp_path / "site")
    label = f"{QUARTERS[-2][:4]} {QUARTERS[-2][4:]}"
    assert f"Too few students to be shown: {label}." in (tmp_path / "site" / "about.html").read_text()


def test_the_same_data_gives_the_same_bytes(built: Path, tmp_path: Path) -> None:
    build_external_pages(DATA, external_quarters(DATA, RULES), RULES, tmp_path / "again")
    for path in sorted(path for path in built.rglob("*") if path.is_file()):
        assert (tmp_path / "again" / path.relative_to(built)).read_bytes() == path.read_bytes(), path.name


def test_an_edition_that_the_attack_breaks_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path / "home")
    builds = tmp_path / "home" / "site-external-builds"
    with external_publish.external_results(DATA, settings, DOMAINS):
        assert not settings.external_site.exists()
    before = settings.external_site.resolve()
    assert (before / "index.html").exists()

    with (
        pytest.raises(RuntimeError, match="the other edition"),
        external_publish.external_results(DATA, settings, DOMAINS),
    ):
        raise RuntimeError("the other edition cannot be published")
    assert list(builds.iterdir()) == [before]

    def leaky(data: object, quarters: list[ExternalQuarter], rules: Rules, folder: Path, areas: object) -> None:
        build_external_pages(DATA, quarters, rules, folder)
        plant_csv(folder, *hidden_cell())

    monkeypatch.setattr(external_publish, "build_external_pages", leaky)
    with (
        pytest.raises(QuarterdeckError, match=r"[1-9] hidden counts can be worked out, 1 small ones are shown"),
        external_publish.external_results(DATA, settings, DOMAINS),
    ):
        raise AssertionError("the internal edition must not be built when the external one is not safe")
    assert settings.external_site.resolve() == before
    assert list(builds.iterdir()) == [before]


def test_where_no_quarter_is_large_enough_the_old_edition_is_taken_away(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with external_publish.external_results(DATA, settings, DOMAINS):
        pass
    with external_publish.external_results(pages_data(QUARTERS[-1:], 60), settings, DOMAINS):
        pass
    assert not settings.external_site.exists()


def test_sizes_of_groups_are_cells_too() -> None:
    sizes = [cell for cell in NEWEST.protected.figures if cell.measure == STUDENTS and cell.category == ALL]
    assert len(sizes) == 18

"""The whole job of attendance by the command, on the real drops where they lie beside the project and on the sample."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from orchestration.attendance.contract import load_contract
from orchestration.attendance.daily_report import read_items
from orchestration.attendance.student_sample import write_student_sample
from orchestration.core.dbt import build_arguments, invoke, parsed_project
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import open_database
from orchestration.core.settings import Settings
from orchestration.core.site_check import check_site
from orchestration.definitions import dbt_variables
from tests.attendance.test_daily_report import item, report
from tests.conftest import PROJECT_ROOT, Command

REAL = PROJECT_ROOT.parent / "shared" / "data" / "attendance" / "nyc_daily_xml"
ARGUMENTS = ("run", "--domain", "attendance", "--source")


@pytest.fixture(scope="module")
def command(new_command: Callable[[str], Command]) -> Command:
    return new_command("attendance")


@pytest.fixture(scope="module")
def drops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real drops, or a few of the same shape under names that say nothing."""
    if REAL.is_dir():
        return REAL
    folder = tmp_path_factory.mktemp("drops")
    for number, day in enumerate(("20130315", "20130402")):
        report(
            folder,
            item("01M015", day, "95.69", "STAR \x1a P.S.63"),
            item("01M019", day, "NS"),
            item("TOTAL", day, "87.24"),
            name=f"drop{number}.dat",
        )
    report(folder, item("TOTAL", "20130326", "0.00"), name="off.dat")
    return folder


def expected(drops: Path) -> tuple[int, int, int]:
    """Items, totals and percentages not submitted, counted by hand in the files."""
    texts = [found.texts for path in drops.iterdir() for found in read_items(path, load_contract().daily_report)]
    totals = [row for row in texts if row["school_code"] == "TOTAL"]
    missing = [row for row in texts if row["attendance_pct"] == "NS" and row["school_code"] != "TOTAL"]
    return len(texts), len(totals), len(missing)


def test_a_folder_of_drops_is_loaded_and_every_item_accounted_for(command: Command, drops: Path) -> None:
    output = command(*ARGUMENTS, str(drops)).stdout
    items, totals, missing = expected(drops)
    if drops == REAL:
        assert (items, totals, missing) == (22222, 21, 817)
        assert "22,222" in output
    [sums] = command.rows(
        """
        select sum(rows_read) as read, sum(rows_trusted) as trusted, count(*) as files,
            sum((quarantined_by_reason ->> 'not_a_school')::int) as totals,
            sum((quarantined_by_reason ->> 'not_submitted')::int) as missing
        from platform.row_accounts where domain = 'attendance'
        """
    )
    assert {name: int(str(value)) for name, value in sums.items()} == {
        "read": items,
        "trusted": items - totals - missing,
        "files": len(list(drops.iterdir())),
        "totals": totals,
        "missing": missing,
    }
    [marts] = command.rows(
        """
        select count(*) as rows, count(*) filter (where school_code = 'TOTAL') as totals,
            count(*) filter (where status = 'not_submitted') as missing,
            count(*) filter (where status = 'not_submitted' and attendance_pct is not null) as missing_with_number
        from attendance_marts.fct_school_days
        """
    )
    assert marts == {"rows": items - totals, "totals": 0, "missing": missing, "missing_with_number": 0}
    [day_off] = command.rows("select * from attendance_marts.rpt_attendance_days where attendance_date = '2013-03-26'")
    assert (day_off["school_count"], day_off["mean_attendance_pct"]) == (0, None)
    names = command.rows("select school_name from attendance_marts.fct_school_days where school_name like '%STAR%'")
    assert names
    assert not any("\u241a" in str(row["school_name"]) for row in names)


def test_every_rule_in_sql_passes_its_unit_tests(command: Command) -> None:
    settings = Settings(home=command.home)
    variables = dbt_variables(settings)
    selected = "test_type:unit,fqn:quarterdeck.attendance"
    arguments = build_arguments([Quarter.parse("2013Q2")], variables, ["test", "--select", selected])
    manifest = parsed_project(settings, variables).manifest
    result = invoke(settings, open_database(settings), "unit_tests", arguments, manifest=manifest)
    assert result.exception is None
    outcomes = {outcome.node.name: str(outcome.status) for outcome in result.result.results}
    assert len(outcomes) >= 4
    assert {name: status for name, status in outcomes.items() if status != "pass"} == {}


def test_each_file_has_a_receipt_of_every_zone(command: Command, drops: Path) -> None:
    rows = command.rows(
        "select zone, count(*) as files from platform.promotions where domain = 'attendance' group by zone"
    )
    assert {row["zone"]: row["files"] for row in rows} == dict.fromkeys(
        ("landing", "raw", "trusted", "curated", "product"), len(list(drops.iterdir()))
    )


def test_the_site_has_its_parts_and_no_link_leads_nowhere(command: Command) -> None:
    site = command.home / "site"
    assert check_site(site.resolve()) >= 3
    manifest = json.loads((site / "site.json").read_text())
    assert set(manifest["parts"]) == {"", "attendance", "platform"}
    assert manifest["parts"][""]["is_placeholder"]
    assert "nothing has been published yet" in (site / "index.html").read_text()
    assert manifest["parts"]["attendance"]["sources"] == ["file"]


def test_an_unchanged_rerun_does_nothing(command: Command, drops: Path) -> None:
    before = command.rows("select * from platform.stage_status order by domain, quarter, stage")
    site = (command.home / "site").resolve()
    again = command(*ARGUMENTS, str(drops))
    assert command.rows("select * from platform.stage_status order by domain, quarter, stage") == before
    assert (command.home / "site").resolve() == site
    assert "Account for every row" in again.stderr


def test_a_corrected_day_replaces_that_day_and_no_other(command: Command, tmp_path: Path) -> None:
    other = "select * from attendance_marts.fct_school_days where attendance_date <> '2013-03-15' order by 1, 2, 3"
    before = command.rows(other)
    command(*ARGUMENTS, str(report(tmp_path, item("01M015", pct="50.00"), name="correction")))
    assert command.rows(other) == before
    rows = command.rows(
        "select attendance_pct from attendance_marts.fct_school_days where attendance_date = '2013-03-15'"
    )
    assert [float(str(row["attendance_pct"])) for row in rows] == [50.0]


def test_a_folder_with_a_file_of_another_kind_changes_nothing(command: Command, tmp_path: Path) -> None:
    before = command.rows("select * from platform.quarter_files order by 1, 2, 3")
    report(tmp_path, item(day="20130318"), name="good")
    (tmp_path / "other").write_text("a,b\n1,2\n")
    refused = command(*ARGUMENTS, str(tmp_path), check=False)
    assert refused.returncode == 1
    assert "other: this is no attendance file" in refused.stderr
    assert command.rows("select * from platform.quarter_files order by 1, 2, 3") == before


def test_too_many_faults_stop_the_quarter_and_the_pages_stay(command: Command, tmp_path: Path) -> None:
    marts = "select * from attendance_marts.fct_school_days order by 1, 2, 3"
    before, page = command.rows(marts), (command.home / "site" / "attendance" / "index.html").read_text()
    bad = report(tmp_path, *(item(f"B{number}", "20130319", "500") for number in range(2000)), name="bad")
    refused = command(*ARGUMENTS, str(bad), check=False)
    assert refused.returncode == 1
    assert "more than the limit of 5 %" in refused.stderr
    assert command.rows(marts) == before
    assert (command.home / "site" / "attendance" / "index.html").read_text() == page


def test_a_quarter_that_the_files_do_not_tell_of_is_refused(command: Command, drops: Path) -> None:
    refused = command(*ARGUMENTS, str(drops), "--quarter", "2014Q1", check=False)
    assert "it tells of 2013Q1, 2013Q2, not of 2014Q1" in refused.stderr


def test_an_older_day_names_the_setting(command: Command, tmp_path: Path) -> None:
    refused = command(*ARGUMENTS, str(report(tmp_path, item(day="19990315"))), check=False)
    assert "QUARTERDECK_FIRST_QUARTER" in refused.stderr


def test_the_sample_says_so_everywhere(command: Command) -> None:
    output = command("run", "--domain", "attendance", "--quarter", "2026Q2").stdout
    assert "SAMPLE DATA" in output
    site = command.home / "site"
    for page in ("attendance/index.html", "platform/status.html"):
        assert "Sample data" in (site / page).read_text()
    assert "data-sample-banner" not in (site / "index.html").read_text()
    rows = command.rows("select distinct school_name from attendance_marts.fct_school_days where quarter = '2026Q2'")
    assert all("SAMPLE" in str(row["school_name"]) for row in rows)


def test_a_quarter_with_files_about_students_alone_is_published(
    new_command: Callable[[str], Command], tmp_path: Path
) -> None:
    command = new_command("students-alone")
    folder = tmp_path / "files"
    folder.mkdir()
    write_student_sample(Quarter(2026, 3), folder, 1, date(2026, 9, 30))
    command("run", "--domain", "attendance", "--source", str(folder))
    page = (command.home / "site" / "attendance" / "index.html").read_text()
    assert "No daily report of this quarter was received" in page
    receipts = command.rows("select distinct zone from platform.promotions")
    assert "product" in {row["zone"] for row in receipts}
    bad = tmp_path / "bad.csv"
    bad.write_text("Student ID,Date,Status\n" + "".join(f"X{number},2026-09-02,nonsense\n" for number in range(2000)))
    refused = command("run", "--domain", "attendance", "--source", str(bad), check=False)
    assert refused.returncode == 1
    assert "student marks" in refused.stderr
    assert "more than the limit of 5 %" in refused.stderr
    assert (command.home / "site" / "attendance" / "index.html").read_text() == page

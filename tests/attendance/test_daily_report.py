"""Reading daily reports: by content, in pieces, with control bytes named, and never beyond the file itself."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.attendance.contract import load_contract
from orchestration.attendance.daily_report import is_daily_report, read_items
from orchestration.attendance.kinds import KINDS, examine
from orchestration.attendance.sample import write_sample
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter

CONTRACT = load_contract()
Q1, Q2 = Quarter(2013, 1), Quarter(2013, 2)


def item(code: str = "01M015", day: str = "20130315", pct: str = "95.69", name: str = "P.S. 015") -> str:
    return (
        f"<item><DBN>{code}</DBN><ATTN_DATE_YMD>{day}</ATTN_DATE_YMD><ATTN_PCT>{pct}</ATTN_PCT><LOC_CODE>M015</LOC_CODE>"
        f"<SCHOOL_NAME>{name}</SCHOOL_NAME><Borough>M</Borough><DistrictCode>01</DistrictCode></item>"
    )


def report(folder: Path, *items: str, name: str = "drop", head: str = "") -> Path:
    path = folder / name
    body = (
        f'<?xml version="1.0" encoding="utf-8"?>{head}<schooldailyattendance>{"".join(items)}</schooldailyattendance>'
    )
    path.write_bytes(body.encode())
    return path


def test_items_are_read_as_delivered_and_numbered(tmp_path: Path) -> None:
    path = report(tmp_path, item(), item("TOTAL", pct="NS", name="A &amp; B"))
    first, second = read_items(path, CONTRACT.daily_report)
    assert (first.number, first.texts["attendance_pct"], first.repaired) == (1, "95.69", None)
    assert (second.number, second.texts["school_name"], second.texts["attendance_pct"]) == (2, "A & B", "NS")
    assert first.day(CONTRACT.daily_report) == date(2013, 3, 15)


def test_a_control_byte_is_shown_by_its_symbol_and_named(tmp_path: Path) -> None:
    path = report(tmp_path, item(name="STAR \x1a P.S.63"), item())
    first, second = read_items(path, CONTRACT.daily_report)
    assert first.texts["school_name"] == "STAR \u241a P.S.63"
    assert first.repaired == "school_name: 0x1A"
    assert second.repaired is None
    examined = examine(path, CONTRACT, "drop", 1)
    assert "1 control bytes" in examined.remarks[0]
    assert f"0x1A at byte {path.read_bytes().index(0x1A):,}" in examined.remarks[0]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="<>&\r\ufffe\uffff")))
def test_any_name_comes_back_with_its_control_bytes_alone_changed(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    path = report(tmp_path_factory.mktemp("names"), item(name=name))
    [found] = read_items(path, CONTRACT.daily_report)
    expected = "".join(chr(0x2400 + ord(c)) if ord(c) < 0x20 and c not in "\t\n" else c for c in name)
    assert found.texts["school_name"] == expected


def test_the_days_inside_decide_the_quarter_and_the_part(tmp_path: Path) -> None:
    path = report(
        tmp_path, item(day="20130331"), item(day="20130401"), item(day="20130402"), item(day="tomorrow"), name="x.csv"
    )
    examined = examine(path, CONTRACT, "x.csv", 1)
    assert examined.quarters == {Q1: "daily_report:2013-03-31", Q2: "daily_report:2013-04-01..2013-04-02"}
    blocks = KINDS["daily_report"].blocks
    lines = {
        quarter: [block["source_line"].to_pylist() for block in blocks(path, CONTRACT, quarter, 1)]
        for quarter in (Q1, Q2)
    }
    assert lines == {Q1: [[1, 4]], Q2: [[2, 3]]}


def test_a_file_is_known_by_its_content_alone(tmp_path: Path) -> None:
    assert is_daily_report(report(tmp_path, item(), name="notes.txt"), CONTRACT.daily_report)
    for content in (b"", b"a,b\n1,2\n", b"<other/>", b"<broken", b"\x00\x01"):
        (tmp_path / "20130315.xml").write_bytes(content)
        assert not is_daily_report(tmp_path / "20130315.xml", CONTRACT.daily_report)
        with pytest.raises(QuarterdeckError, match="no attendance file"):
            examine(tmp_path / "20130315.xml", CONTRACT, "20130315.xml", 1)


def test_a_file_that_ends_early_is_refused(tmp_path: Path) -> None:
    path = report(tmp_path, item(), item())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(QuarterdeckError, match="not well-formed"):
        examine(path, CONTRACT, "cut", 1)


def test_a_report_without_a_day_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuarterdeckError, match="no item has a day"):
        examine(report(tmp_path, item(day="")), CONTRACT, "drop", 1)


@pytest.mark.parametrize("value", ["&local;", "&file;"])
def test_entities_are_neither_expanded_nor_fetched(tmp_path: Path, value: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    head = f'<!DOCTYPE x [<!ENTITY local "aaaa"><!ENTITY file SYSTEM "{secret.as_uri()}">]>'
    with pytest.raises(QuarterdeckError, match="document type"):
        list(read_items(report(tmp_path, item(name=value), head=head), CONTRACT.daily_report))


def test_the_sample_is_the_same_bytes_every_time_and_of_the_contract(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, other = (
        write_sample(Quarter(2026, 4), folder, CONTRACT.daily_report, 1, date(2026, 10, 7)) for folder in folders
    )
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    assert len(one) == 5
    assert all(examine(path, CONTRACT, path.name, 1).row_count == 41 for path in one)
    off = write_sample(Quarter(2028, 1), folders[0], CONTRACT.daily_report, 1, date(2028, 1, 2))
    assert [examine(path, CONTRACT, path.name, 1).row_count for path in off] == [1]

"""Faults of exam files that are no table, are cut off, or are written in another way than usual."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from orchestration.faults.fault import Clean, Fault, Outcome, register, written

REFUSED, STOPPED, QUARANTINED, WARNED, READ_RIGHT = Outcome
FAULTS: list[Fault] = []
GIGABYTE = 1024**3


fault = register(FAULTS, "results.csv")


def zipped(content: bytes, name: str = "results.csv") -> bytes:
    """A zip archive with one file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def school(clean: Clean, value: Callable[[int], str]) -> Clean:
    """The file with a column of schools that the contract does not know."""
    return clean.with_column("school", value)


# --- no table ---------------------------------------------------------------------------------------------------------


@fault(
    "Git LFS pointer",
    "the three lines that Git keeps instead of a large file",
    REFUSED,
    "Git LFS pointer",
    "git lfs pull",
)
def _(_: Clean) -> str:
    return "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "4" + "\nsize 72036\n"


@fault("HTML page", "the sign-in page of a portal, saved under the file's name", REFUSED, "HTML page", "download")
def _(_: Clean) -> str:
    return "<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n"


@fault("Excel workbook", "an .xlsx file called results.csv", REFUSED, "Excel workbook", "save the sheet")
def _(_: Clean) -> bytes:
    return zipped(b"<workbook/>", "xl/workbook.xml")


@fault("compressed file", "the file, compressed with gzip", REFUSED, "gzip", "unpack")
def _(clean: Clean) -> bytes:
    return gzip.compress(clean.text().encode())


@fault("zip bomb", "a zip of 0.1 MB that unpacks to 100 MB, called results.csv", REFUSED, "zip archive", "unpack")
def _(_: Clean) -> bytes:
    return zipped(bytes(100_000_000))


@fault("binary file", "bytes of every value", REFUSED, "binary")
def _(_: Clean) -> bytes:
    return bytes(range(256)) * 40


@fault("empty file", "no byte", REFUSED, "is empty", "again")
def _(_: Clean) -> str:
    return ""


@fault("empty quarter", "the header and no row", REFUSED, "a header and no rows")
def _(clean: Clean) -> str:
    return clean.text([])


@fault("rows without values", "the header, and 600 lines of commas", STOPPED, "missing_value", "line 2")
def _(clean: Clean) -> str:
    return clean.text([["" for _ in row] for row in clean.rows])


@fault(
    "2 GB line",
    "the header, 3 MB of digits without a line end, and a hole up to 2 GB",
    REFUSED,
    "line 2",
    "does not end",
)
def _(clean: Clean) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(clean.text([]).encode() + b"7" * 3_000_000)
            stream.truncate(2 * GIGABYTE)

    return write


@fault(
    "100,000 columns",
    "a header of 100,000 names",
    REFUSED,
    "columns",
    "line 1",
    before="named after reading every line",
)
def _(clean: Clean) -> str:
    more = [f"note {number}" for number in range(100_000)]
    return clean.text([[*row, *("" for _ in more)] for row in clean.rows[:3]], [*clean.header, *more])


# --- cut off ----------------------------------------------------------------------------------------------------------


@fault(
    "half a row",
    "cut in the middle of line 300",
    REFUSED,
    "line 300",
    "cut off",
    before="line 300 quarantined as wrong_field_count, and the other half of the file missing without a word",
)
def _(clean: Clean) -> str:
    text = clean.text(clean.rows[:299])
    return text[: text.rindex(",", 0, text.rindex(",", 0, text.rindex(",")))]


@fault(
    "truncated file",
    "cut at the end of line 300",
    WARNED,
    "299 rows",
    "whole",
    before="fewer rows were noted in the run's log, and an alert came only where four quarters stood before",
)
def _(clean: Clean) -> str:
    return clean.text(clean.rows[:299])


@fault("quote never closed", "a quote opened in line 10", REFUSED, "line 10", "never closed")
def _(clean: Clean) -> str:
    lines = clean.text(clean.rows * 10).splitlines()
    return "\n".join([*lines[:9], '"' + lines[9], *lines[10:]]) + "\n"


# --- written in another way -------------------------------------------------------------------------------------------


@fault("byte order mark", "UTF-8 with a BOM", READ_RIGHT, "utf-8-sig", before="read right, and not said")
def _(clean: Clean) -> bytes:
    return clean.text().encode("utf-8-sig")


@fault(
    "UTF-16",
    "UTF-16 with a BOM, tabs and CRLF, as spreadsheets save 'Unicode text'",
    READ_RIGHT,
    "utf-16",
    "tab",
    before="read right, and not said",
)
def _(clean: Clean) -> bytes:
    return written([clean.header, *clean.rows], "\t", "\r\n").encode("utf-16")


@fault(
    "Windows-1252",
    "a further column holds 'Colegio José Martí', saved as ANSI",
    READ_RIGHT,
    "cp1252",
    before="read right, and not said",
)
def _(clean: Clean) -> bytes:
    return school(clean, lambda _: "Colegio José Martí").text().encode("cp1252")


@fault(
    "another old encoding", "a further column holds Cyrillic names in Windows-1251", REFUSED, "encoding", "CSV UTF-8"
)
def _(clean: Clean) -> bytes:
    return school(clean, lambda _: "Средняя школа Жданова").text().encode("cp1251")


@fault("CR line ends", "as old Macs wrote them", READ_RIGHT, "CR", before="read right, and not said")
def _(clean: Clean) -> str:
    return written([clean.header, *clean.rows], line_end="\r")


@fault("semicolons", "semicolons instead of commas", READ_RIGHT, "semicolon", before="read right, and not said")
def _(clean: Clean) -> str:
    return written([clean.header, *clean.rows], ";")


@fault(
    "every row wrapped in quotes",
    "a CSV pasted into one column of a spreadsheet and saved",
    READ_RIGHT,
    "wrapped in quotes",
    before="read right, and not said",
)
def _(clean: Clean) -> str:
    return written([[line] for line in clean.text().splitlines()], quote_all=True)


@fault(
    "quoted newlines", "a further column holds texts of two lines", READ_RIGHT, "LF", before="read right, and not said"
)
def _(clean: Clean) -> str:
    return school(clean, lambda _: "North\nBuilding 2").text()


@fault("blank lines", "an empty line after every row", READ_RIGHT, "LF", before="read right, and not said")
def _(clean: Clean) -> str:
    return clean.text().replace("\n", "\n\n")


@fault(
    "null byte in a score",
    "a null byte after the score of line 7",
    QUARANTINED,
    "null",
    "line 7",
    before="quarantined as not_a_number; that it was a null byte was not said",
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed("math score", lambda value, row: value + "\0" if row == 5 else value))


@fault(
    "null byte where the delimiter is in doubt",
    "a header with semicolons and a comma, and a null byte in line 7",
    WARNED,
    "null",
    "line 7",
    before="the run failed with an error of the library that finds delimiters, and no word on the file",
)
def _(clean: Clean) -> str:
    noted = school(clean, lambda row: "a\0" if row == 5 else "a")
    return written([noted.header, *noted.rows], ";").replace("school", "school, or campus", 1)


@fault(
    "null byte in a student id",
    "a null byte within the id of line 7",
    WARNED,
    "null",
    "line 7",
    before="missed: the row was taken, under a pseudonym that no other quarter has",
)
def _(clean: Clean) -> str:
    return clean.text(
        clean.changed("student id", lambda value, row: value[:4] + "\0" + value[4:] if row == 5 else value)
    )

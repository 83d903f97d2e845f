"""Faults of exam files whose rows are not those of the quarter, or mean harm; `FAULTS` holds all faults of exam files."""

from orchestration.faults import exam_values
from orchestration.faults.exam_files import QUARANTINED, READ_RIGHT, REFUSED, STOPPED, WARNED, fault, school
from orchestration.faults.exam_values import HINT, MISSED
from orchestration.faults.fault import Clean, written

# Those of the other modules come first.
FAULTS = exam_values.FAULTS


# --- rows -------------------------------------------------------------------------------------------------------------


@fault(
    "the file under two names",
    "the very file of the quarter before, under this quarter's name; the same bytes for the same quarter change nothing",
    WARNED,
    "also loaded as",
)
def _(clean: Clean) -> bytes:
    return clean.file_before


@fault(
    "the same file under two names",
    "the file, and again as 'results (1).csv'",
    READ_RIGHT,
    "results (1).csv",
    "recognised by its hash",
)
def _(clean: Clean) -> str:
    return clean.text()


@fault("last quarter's file again", "the very file of the quarter before", WARNED, "also loaded as")
def _(clean: Clean) -> bytes:
    return clean.file_before


@fault(
    "last quarter's file, saved again",
    "its rows in another order, with other line ends",
    WARNED,
    "the same values",
    before=MISSED,
)
def _(clean: Clean) -> str:
    return written([clean.header, *reversed(clean.rows_before)], line_end="\r\n")


@fault(
    "the file thirty times",
    "the rows thirty times, without ids",
    REFUSED,
    "30 times",
    "line 602",
    before="missed: thirty times the students",
)
def _(clean: Clean) -> str:
    place = clean.place("student id")
    return written([row[:place] + row[place + 1 :] for row in [clean.header, *clean.rows * 30]])


@fault(
    "the file twice, with ids",
    "the rows twice",
    REFUSED,
    "2 times",
    "line 602",
    before=HINT.format("repeated_id:student_id"),
)
def _(clean: Clean) -> str:
    return clean.text(clean.rows * 2)


@fault(
    "two files in one",
    "the file of the quarter before, with its header, below this one's rows",
    STOPPED,
    "header",
    "again",
    before="stopped where ids repeat, else the header's line was quarantined and both quarters were taken as one",
)
def _(clean: Clean) -> str:
    return clean.text() + clean.text(clean.rows_before)


@fault("total at the end", "a last row 'Total' with the means", QUARANTINED, "line 602", "missing_value")
def _(clean: Clean) -> str:
    return clean.text([*clean.rows, ["Total", *("" for _ in clean.header[1:-3]), "66.1", "69.2", "68.1"]])


@fault("comma within a value", "one category holds a comma and no quotes", QUARANTINED, "line 9", "wrong_field_count")
def _(clean: Clean) -> str:
    lines = clean.text().splitlines()
    return "\n".join([*lines[:8], lines[8].replace("group", "group,", 1), *lines[9:]]) + "\n"


@fault(
    "stray quotes",
    "a quote before a value of line 10, and another in line 200",
    REFUSED,
    "line 10",
    "line 200",
    "closed",
    before="190 rows were taken as one value of one row, which was quarantined as wrong_field_count",
)
def _(clean: Clean) -> str:
    lines = clean.text().splitlines()
    lines[9], lines[199] = '"' + lines[9], lines[199] + '"'
    return "\n".join(lines) + "\n"


@fault("a student twice", "line 20 has the id of line 19", QUARANTINED, "line 20", "repeated_id")
def _(clean: Clean) -> str:
    ids = [row[0] for row in clean.rows]
    return clean.text(clean.changed("student id", lambda value, row: ids[17] if row == 18 else value))


@fault(
    "a filter left on",
    "only the rows with 'standard' lunch were saved",
    WARNED,
    "lunch",
    "free/reduced",
    before="noted in the run's log; an alert came only where four quarters stood before",
)
def _(clean: Clean) -> str:
    place = clean.place("lunch")
    return clean.text([row for row in clean.rows if row[place] == "standard"])


# --- hostile ----------------------------------------------------------------------------------------------------------


@fault("formula injection", "a category of line 5 is =cmd|' /C calc'!A0", QUARANTINED, "line 5", "unknown_category")
def _(clean: Clean) -> str:
    return clean.text(clean.changed("lunch", lambda value, row: "=cmd|' /C calc'!A0" if row == 3 else value))


@fault(
    "markup in a category",
    "a category of line 5 is <script>alert(1)</script>",
    QUARANTINED,
    "line 5",
    "unknown_category",
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed("lunch", lambda value, row: "<script>alert(1)</script>" if row == 3 else value))


@fault(
    "codes for the terminal in a header",
    "a further column is called [/red] and an escape code",
    WARNED,
    "not used",
    "[/red]",
    before="the run failed with a MarkupError of the terminal's library, and no word on the file",
)
def _(clean: Clean) -> str:
    return school(clean, lambda _: "North").text(header=[*clean.header, "[/red]\x1b[31m"])

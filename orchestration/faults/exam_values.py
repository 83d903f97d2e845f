"""Faults of exam files whose columns, values or rows are not what they should be."""

from orchestration.faults.exam_files import FAULTS, QUARANTINED, READ_RIGHT, REFUSED, STOPPED, WARNED, fault
from orchestration.faults.fault import Clean, written

__all__ = ["FAULTS"]

HINT = "stopped, with the reason {}: not which values, nor what to do"
MISSED = "missed: taken without a word"
MATH, READING, WRITING = "math score", "reading score", "writing score"


# --- columns ----------------------------------------------------------------------------------------------------------


@fault("column renamed", "'lunch' is called 'meal plan'", REFUSED, "no column for lunch", "alias")
def _(clean: Clean) -> str:
    return clean.text(header=["meal plan" if name == "lunch" else name for name in clean.header])


@fault("column dropped", "no column 'reading score'", REFUSED, "no column for reading_score")
def _(clean: Clean) -> str:
    place = clean.place(READING)
    return written([row[:place] + row[place + 1 :] for row in [clean.header, *clean.rows]])


@fault(
    "column doubled",
    "the column 'math score' is there twice",
    REFUSED,
    "two columns for math_score",
    "remove or rename",
)
def _(clean: Clean) -> str:
    place = clean.place(MATH)
    return written([[*row, row[place]] for row in [clean.header, *clean.rows]])


@fault(
    "swapped columns",
    "the headers of 'gender' and 'lunch' have changed places",
    STOPPED,
    "gender",
    "values of lunch",
    before=HINT.format("unknown_category:gender"),
)
def _(clean: Clean) -> str:
    swap = {"gender": "lunch", "lunch": "gender"}
    return clean.text(header=[swap.get(name, name) for name in clean.header])


@fault(
    "swapped columns of one type",
    "the headers of 'math score' and 'writing score' have changed places",
    WARNED,
    "math_score",
    "writing_score",
    "swapped",
    before=MISSED,
)
def _(clean: Clean) -> str:
    swap = {MATH: WRITING, WRITING: MATH}
    return clean.text(header=[swap.get(name, name) for name in clean.header])


@fault(
    "one subject pasted over another",
    "'reading score' holds the scores of 'math score'",
    REFUSED,
    "math_score",
    "reading_score",
    "every row",
    before=MISSED,
)
def _(clean: Clean) -> str:
    place = clean.place(MATH)
    return clean.text([[*row[: place + 1], row[place], *row[place + 2 :]] for row in clean.rows])


@fault(
    "title above the header",
    "'Exam results' and an empty line stand above the header",
    REFUSED,
    "line 3",
    "header",
    before="refused for its missing columns; where the header is was not said",
)
def _(clean: Clean) -> str:
    return "Exam results\n\n" + clean.text()


@fault(
    "no header",
    "the first line is a student's",
    REFUSED,
    "no header",
    before="refused for its missing columns, and a student's line was shown",
)
def _(clean: Clean) -> str:
    return written(clean.rows)


@fault(
    "delimiter at each row's end", "a comma after each row but the header", REFUSED, "not one line below it has as many"
)
def _(clean: Clean) -> str:
    return clean.text([[*row, ""] for row in clean.rows])


# --- values -----------------------------------------------------------------------------------------------------------


@fault("shifted decimals", "'math score' is 7.2 where it was 72", REFUSED, "math_score", "out of 10", before=MISSED)
def _(clean: Clean) -> str:
    return clean.text(clean.changed(MATH, lambda value, _: str(int(value) / 10)))


@fault(
    "decimals shifted in some rows",
    "one 'math score' in ten is 7.2 where it was 72",
    WARNED,
    "math_score",
    "decimals",
    before=MISSED,
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed(MATH, lambda value, row: value if row % 10 else f"{int(value) / 10:.1f}"))


@fault("scores out of 1", "every score is 0.72 where it was 72", REFUSED, "out of 1", before=MISSED)
def _(clean: Clean) -> str:
    return clean.text([[*row[:-3], *(str(int(value) / 100) for value in row[-3:])] for row in clean.rows])


@fault(
    "scores times ten",
    "'math score' is 720 where it was 72",
    STOPPED,
    "math_score",
    "ten times",
    before=HINT.format("out_of_range:math_score"),
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed(MATH, lambda value, _: value + "0"))


@fault(
    "categories as integers",
    "gender is 0 or 1",
    STOPPED,
    "gender",
    "0",
    "1",
    "numbers",
    "female, male",
    before=HINT.format("unknown_category:gender"),
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed("gender", lambda value, _: "0" if value == "female" else "1"))


@fault(
    "missing scores as -1",
    "one 'math score' in 25 is -1",
    QUARANTINED,
    "math_score",
    "-1",
    "missing",
    before="quarantined as out_of_range: that it stands for a missing score was not said",
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed(MATH, lambda value, row: value if row % 25 else "-1"))


@fault(
    "missing scores as 999",
    "one 'reading score' in ten is 999",
    STOPPED,
    "reading_score",
    "999",
    "missing",
    before=HINT.format("out_of_range:reading_score"),
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed(READING, lambda value, row: value if row % 10 else "999"))


@fault("missing scores as 0", "one 'writing score' in eight is 0", WARNED, "writing_score", "is 0", before=MISSED)
def _(clean: Clean) -> str:
    return clean.text(clean.changed(WRITING, lambda value, row: value if row % 8 else "0"))


@fault(
    "ids turned into 2.1E+18",
    "a spreadsheet has rounded ids of 19 digits",
    REFUSED,
    "student_id",
    "2.10381E+18",
    "spreadsheet",
    before="quarantined as repeated_id where two became one, else missed: students that no other quarter has",
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed("student id", lambda _, row: f"2.10{381 + row // 2}E+18"))


@fault(
    "'5 - 10' turned into a date",
    "one 'math score' in 25 is 10-May",
    QUARANTINED,
    "math_score",
    "10-May",
    "date",
    before="quarantined as not_a_number; that it is a date was not said",
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed(MATH, lambda value, row: value if row % 25 else "10-May"))


@fault(
    "decimal commas",
    "'math score' is 72,5 in a file with semicolons",
    STOPPED,
    "math_score",
    "decimal commas",
    before=HINT.format("not_a_number:math_score"),
)
def _(clean: Clean) -> str:
    return written([clean.header, *clean.changed(MATH, lambda value, row: value + ",5" if row else "72,5")], ";")


@fault(
    "scores with a sign",
    "'math score' is 72%",
    STOPPED,
    "math_score",
    "%",
    before=HINT.format("not_a_number:math_score"),
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed(MATH, lambda value, _: value + "%"))


@fault("letters instead of scores", "'math score' is A, B or C", STOPPED, "math_score", "not_a_number", "A")
def _(clean: Clean) -> str:
    return clean.text(clean.changed(MATH, lambda _, row: "ABC"[row % 3]))


@fault(
    "typographic apostrophe",
    "'associate\N{RIGHT SINGLE QUOTATION MARK}s degree' and the like, as word processors write them",
    STOPPED,
    "associate\N{RIGHT SINGLE QUOTATION MARK}s degree",
    "associate's degree",
    before=HINT.format("unknown_category:parental_level_of_education"),
)
def _(clean: Clean) -> str:
    return clean.text(
        clean.changed(
            "parental level of education", lambda value, _: value.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
        )
    )


@fault(
    "other case and spaces", "' GROUP  A ' instead of 'group A'", READ_RIGHT, "LF", before="read right, and not said"
)
def _(clean: Clean) -> str:
    return clean.text(clean.changed("race/ethnicity", lambda value, _: f" {value.upper().replace(' ', '  ')} "))

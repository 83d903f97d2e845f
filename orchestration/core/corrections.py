"""Corrections of quarantined rows: a file that says, for a line and column of a received file, what the value should be.

The file is kept in landing and from then on is one of the quarter's files, so that each load of the quarter lays it beside the raw
rows, which stay as they came; staging takes the corrected value in the place of the raw one. `platform.corrections` says who
decided on which value and why. What does not belong here: which rows are quarantined and what a value must be
(a domain's `corrections.py`).
"""

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Protocol, TextIO

import psycopg

from orchestration.core.delimited import inspect_file, read_rows
from orchestration.core.errors import QuarterdeckError
from orchestration.core.landing import CORRECTIONS_PART, LandedFile, assign, assigned_corrections, land
from orchestration.core.landing_storage import open_landing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database, exclusive
from orchestration.core.promotions import promote, promoted
from orchestration.core.pseudonyms import open_pseudonyms
from orchestration.core.settings import Settings
from orchestration.core.storage import sha256_of

STUDENT_ID = "student_id"
# The column beside a raw row's values: a JSON object of what is to be taken instead, by column; null in nearly all rows.
CORRECTIONS = "corrections"
SHOWN_PROBLEMS = 20
# What a person adds to the form of quarantined rows.
DECIDED = ("corrected_value", "decided_by", "why")
NEEDED = ("domain", "quarter", "file", "line", "column", *DECIDED)


@dataclass(frozen=True)
class QuarantinedValue:
    """A value of a quarantined row, by the names of the form's columns; a row may have several that could be wrong.

    file: the received file's id. line: from 1, where the row starts. value: as it came, but a pseudonym for a student's id.
    line_text: the whole row as it came, where it is known.
    """

    domain: str
    quarter: str
    file: str
    file_name: str
    line: int
    column: str
    value: str | None
    reason: str
    line_text: str | None = None


@dataclass(frozen=True)
class Correction:
    """What a value of a received file should be, who decided so, and why."""

    domain: str
    quarter: Quarter
    source_file_id: str
    line: int
    column: str
    value: str
    decided_by: str
    why: str

    @property
    def where(self) -> str:
        """The place in words."""
        return f"{self.quarter}, file {self.source_file_id}, line {self.line}, {self.column}"


class DomainRows(Protocol):
    """What a domain's `corrections.py` tells of its rows."""

    def quarantined(
        self, database: Database, settings: Settings, quarters: Collection[Quarter] | None
    ) -> list[QuarantinedValue]:
        """The quarantined rows of these quarters, or of all."""

    def raw_lines(
        self, database: Database, settings: Settings, quarter: Quarter, source_file_id: str, lines: Collection[int]
    ) -> dict[int, dict[str, str | None]]:
        """Those of the file's lines that there are: the values that may be corrected, by column, as they came."""

    def still_broken(self, database: Database, settings: Settings, corrections: Sequence[Correction]) -> list[str]:
        """A sentence for each of the lines that would break the contract with its corrections too."""


def write_form(rows: Iterable[QuarantinedValue], stream: TextIO) -> None:
    """Write quarantined rows as CSV, with empty columns for the correction, who decided and why."""
    writer = csv.writer(stream)
    writer.writerow([*(field.name for field in fields(QuarantinedValue)), *DECIDED])
    writer.writerows([*astuple(row), "", "", ""] for row in rows)


def read_corrections(path: Path, *, name: str | None = None) -> list[Correction]:
    """The rows of a filled-in form that have a corrected value.

    Raises:
        QuarterdeckError: the file is no such form, a row of it cannot be read, or two rows contradict each other.
    """
    dialect = inspect_file(path, name=name)
    header = [field.strip().casefold() for field in dialect.header]
    if missing := [column for column in NEEDED if column not in header]:
        raise QuarterdeckError(
            f"{dialect.name} is no file of corrections: it lacks the column {missing[0]}. "
            "Begin with `quarterdeck quarantine list --domain NAME --to FILE`."
        )
    positions = {column: header.index(column) for column in NEEDED}
    found: dict[tuple[str, str, int, str], Correction] = {}
    for line, values, _ in read_rows(path, dialect):
        if len(values) != len(header):
            raise QuarterdeckError(
                f"{dialect.name}, line {line}: expected {len(header)} fields, found {len(values)}. Correct the line."
            )
        row = {column: values[position].strip() for column, position in positions.items()}
        if row["corrected_value"]:
            correction = _correction(row, f"{dialect.name}, line {line}")
            key = (row["domain"], correction.source_file_id, correction.line, correction.column)
            if found.setdefault(key, correction).value != correction.value:
                raise QuarterdeckError(
                    f"{dialect.name}, line {line}: {correction.where} is corrected to two different values. Keep one."
                )
    if not found:
        raise QuarterdeckError(f"{dialect.name}: no row has a corrected_value, so there is nothing to correct.")
    if len({correction.domain for correction in found.values()}) > 1:
        raise QuarterdeckError(f"{dialect.name}: it corrects several domains. Make a file for each.")
    return list(found.values())


def _correction(row: Mapping[str, str], where: str) -> Correction:
    if not row["decided_by"] or not row["why"]:
        raise QuarterdeckError(f"{where}: a correction needs decided_by and why. Say who decided, and for what reason.")
    if not row["line"].isdecimal():
        raise QuarterdeckError(f"{where}: '{row['line']}' is no line number. Keep it as it was listed.")
    quarter = Quarter.parse(row["quarter"])
    return Correction(
        row["domain"], quarter, row["file"], int(row["line"]), row["column"], *(row[column] for column in DECIDED)
    )


def repair(
    database: Database, settings: Settings, path: Path, corrections: Sequence[Correction], rows: DomainRows
) -> LandedFile:
    """Check a file's corrections, keep it, and make it one of the files that its quarters are made of. Safe to repeat.

    The quarters' rows change with their next load.

    Raises:
        QuarterdeckError: a correction cannot be made; a sentence for each, and nothing has changed.
    """
    domain, quarters = corrections[0].domain, sorted({correction.quarter for correction in corrections})
    with exclusive(database, f"raw {domain}"), database.connect() as connection:
        is_in_force = _is_in_force(connection, sha256_of(path)[:16])
        if not is_in_force and (problems := _problems(connection, database, settings, corrections, rows)):
            more = len(problems) - SHOWN_PROBLEMS
            said = [*problems[:SHOWN_PROBLEMS], *([f"And {more} more."] if more > 0 else []), "Nothing was corrected."]
            raise QuarterdeckError("\n".join(said))
        landed = land(connection, open_landing(settings), domain, path, "file")
        if not is_in_force:
            for quarter in quarters:
                assign(connection, domain, quarter, landed.source_file_id, f"{CORRECTIONS_PART}{landed.source_file_id}")
            connection.cursor().executemany(
                """
                insert into platform.corrections
                    (domain, quarter, source_file_id, source_line, column_name, correction_file_id, decided_by, why, recorded_at)
                values (%s, %s, %s, %s, %s, %s, %s, %s, now())
                """,
                [
                    (
                        domain,
                        str(correction.quarter),
                        correction.source_file_id,
                        correction.line,
                        correction.column,
                        landed.source_file_id,
                        correction.decided_by,
                        correction.why,
                    )
                    for correction in corrections
                ],
            )
    new = sorted(set(quarters) - promoted(database, domain, quarters, "landing"))
    promote(database, domain, new, "landing", ["is of the contract"], f"corrections {landed.source_file_id}")
    return landed


def withdraw(database: Database, correction_file_id: str) -> tuple[str, list[Quarter]]:
    """Take a file's corrections back; its quarters' rows change with their next load. The file stays in landing.

    Returns:
        The domain and its quarters.

    Raises:
        QuarterdeckError: no such file of corrections is in force.
    """
    with database.connect() as connection:
        gone = connection.execute(
            "delete from platform.quarter_files where part = %s returning domain, quarter",
            (f"{CORRECTIONS_PART}{correction_file_id}",),
        ).fetchall()
        connection.execute("delete from platform.corrections where correction_file_id = %s", (correction_file_id,))
    if not gone:
        raise QuarterdeckError(
            f"No corrections of a file {correction_file_id} are in force. `quarterdeck quarantine list` shows those that are."
        )
    domain, quarters = gone[0][0], sorted(Quarter.parse(row[1]) for row in gone)
    promote(database, domain, quarters, "landing", ["is of the contract"], f"withdrawal of {correction_file_id}")
    return domain, quarters


def laid_over(
    database: Database, settings: Settings, domain: str, quarter: Quarter
) -> dict[str, dict[int, dict[str, str]]]:
    """The corrections in force for the quarter: by file, line and column. A corrected student's id is given as its pseudonym.

    Raises:
        QuarterdeckError: a file of corrections is gone from landing, or cannot be read.
    """
    with database.connect() as connection:
        files = assigned_corrections(connection, open_landing(settings), domain, quarter)
    found: dict[str, dict[int, dict[str, str]]] = {}
    for landed in files:
        with landed.local_copy() as path:
            corrections = read_corrections(path, name=landed.name)
        for correction in corrections:
            if correction.quarter == quarter:
                value = correction.value
                if correction.column == STUDENT_ID:
                    value = open_pseudonyms(settings, database).of(value)
                found.setdefault(correction.source_file_id, {}).setdefault(correction.line, {})[correction.column] = (
                    value
                )
    return found


def _is_in_force(connection: psycopg.Connection, source_file_id: str) -> bool:
    row = connection.execute(
        "select 1 from platform.quarter_files where part = %s limit 1", (f"{CORRECTIONS_PART}{source_file_id}",)
    ).fetchone()
    return row is not None


def _problems(
    connection: psycopg.Connection,
    database: Database,
    settings: Settings,
    corrections: Sequence[Correction],
    rows: DomainRows,
) -> list[str]:
    """Why corrections cannot be made, a sentence each; what is wrong with the place is said before what is with the value."""
    domain, quarters = corrections[0].domain, {correction.quarter for correction in corrections}
    files = set(
        connection.execute(
            "select quarter, source_file_id from platform.quarter_files where domain = %s and not starts_with(part, %s)",
            (domain, CORRECTIONS_PART),
        )
    )
    corrected = {
        (file, line): by
        for file, line, by in connection.execute(
            "select source_file_id, source_line, correction_file_id from platform.corrections where domain = %s",
            (domain,),
        )
    }
    quarantined = {(row.file, row.line) for row in rows.quarantined(database, settings, quarters)}
    problems = []
    by_file: dict[tuple[Quarter, str], list[Correction]] = {}
    for correction in corrections:
        by_file.setdefault((correction.quarter, correction.source_file_id), []).append(correction)
    for (quarter, file), of_file in by_file.items():
        if (str(quarter), file) not in files:
            problems.append(f"{quarter} is not made of a file {file}: no line of it can be corrected.")
            continue
        there = rows.raw_lines(database, settings, quarter, file, {correction.line for correction in of_file})
        for correction in of_file:
            place = (file, correction.line)
            if correction.line not in there:
                problems.append(f"{quarter}, file {file}: it has no line {correction.line}.")
            elif correction.column not in there[correction.line]:
                columns = ", ".join(there[correction.line]) or "none"
                problems.append(f"{correction.where}: no such column can be corrected there (these can: {columns}).")
            elif place not in quarantined:
                by = f" since {corrected[place]} corrected it" if place in corrected else ""
                problems.append(f"{correction.where}: the row is not quarantined{by}, so there is nothing to correct.")
    return list(dict.fromkeys(problems)) or rows.still_broken(database, settings, corrections)


@dataclass(frozen=True)
class CorrectionsInForce:
    """A file of corrections that a quarter is made of, with the number of lines that it corrects."""

    domain: str
    quarter: str
    file: str
    name: str
    lines: int
    decided_by: str


def in_force(database: Database) -> list[CorrectionsInForce]:
    """All corrections in force, a row a file and quarter."""
    with database.connect() as connection:
        rows = connection.execute(
            """
            select corrections.domain, quarter, correction_file_id, name, count(distinct (source_line, corrections.source_file_id)),
                string_agg(distinct decided_by, ', ')
            from platform.corrections
            inner join platform.landing_files on correction_file_id = landing_files.source_file_id
            group by 1, 2, 3, 4 order by 1, 2, 4, 3
            """
        ).fetchall()
    return [CorrectionsInForce(*row) for row in rows]

"""What a file of corrections is checked against: the quarantined lines of exam results, and what the contract asks of a value.

The rules for values are those of staging's models `stg_student_performance__*_sets`, where they are SQL; here they are said once
more, so that a correction that would not help is refused before anything is rebuilt. A test compares the two.
"""
# ruff: noqa: S608 - the queries hold labels, numbers and the contract's checked names alone, and run on either engine

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from orchestration.core.corrections import STUDENT_ID, Correction, QuarantinedValue
from orchestration.core.engine import model_rows
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.pseudonyms import open_pseudonyms
from orchestration.core.settings import Engine, Settings
from orchestration.student_performance.contract import Contract, office_contract
from orchestration.student_performance.exam_file import Spelling
from orchestration.student_performance.ingest import DOMAIN

REJECTED = f"{DOMAIN}_staging.stg_{DOMAIN}__rejected_results"
RAW_VIEW = f"{DOMAIN}_raw.exam_results"
Place = tuple[Quarter, str, int]
NUMBER = re.compile(r"[+-]?[0-9]{1,30}([.][0-9]{0,30})?")


def quarantined(database: Database, settings: Settings, quarters: Collection[Quarter] | None) -> list[QuarantinedValue]:
    """The quarantined lines: the first value that is wrong, or every column of a line with the wrong number of fields."""
    contract = office_contract(settings)
    chosen = "" if quarters is None else f" and quarter in ({_labels(quarters)})"
    with database.connect() as connection:
        if settings.engine is Engine.POSTGRES and connection.execute(
            "select to_regclass(%s)", (REJECTED,)
        ).fetchone() == (None,):
            return []
        names: dict[str, str] = dict(connection.execute("select source_file_id, name from platform.landing_files"))
    with model_rows(settings, database) as rows:
        found = rows(
            f"select quarter, source_file_id, source_line, source_text, reason, column_name from {REJECTED} "
            f"where true{chosen} order by quarter, source_line"
        )
    came: dict[tuple[str, int], dict[str, str | None]] = {}
    for quarter, file in {(row[0], row[1]) for row in found}:
        lines = [row[2] for row in found if row[0] == quarter]
        there = raw_lines(database, settings, Quarter.parse(quarter), file, lines)
        came.update({(quarter, line): values for line, values in there.items()})
    return [
        QuarantinedValue(
            DOMAIN, quarter, file, names.get(file, ""), line, name, came[quarter, line].get(name), reason, text
        )
        for quarter, file, line, text, reason, column in found
        if (quarter, line) in came
        for name in ([column] if column else contract.raw_columns)
    ]


def raw_lines(
    database: Database, settings: Settings, quarter: Quarter, source_file_id: str, lines: Collection[int]
) -> dict[int, dict[str, str | None]]:
    """Those of the lines that the file has: the contract's columns and the student's id (a pseudonym), as they came."""
    columns = office_contract(settings).raw_columns
    with model_rows(settings, database) as rows:
        found = rows(
            f"select source_line, {', '.join(columns)}, source_student_id from {RAW_VIEW} "
            f"where quarter = '{quarter}' and source_file_id = '{source_file_id}' and source_line in ({', '.join(map(str, lines))})"
        )
    return {line: dict(zip((*columns, STUDENT_ID), values, strict=True)) for line, *values in found}


def still_broken(database: Database, settings: Settings, corrections: Sequence[Correction]) -> list[str]:
    """A sentence for each line that would be quarantined with its corrections too."""
    contract = office_contract(settings)
    by_line: dict[Place, dict[str, str]] = {}
    for correction in corrections:
        key = (correction.quarter, correction.source_file_id, correction.line)
        by_line.setdefault(key, {})[correction.column] = correction.value
    came = {
        (quarter, file, line): values
        for quarter, file in {key[:2] for key in by_line}
        for line, values in raw_lines(
            database, settings, quarter, file, [key[2] for key in by_line if key[:2] == (quarter, file)]
        ).items()
    }
    problems = [
        f"{quarter}, file {file}, line {line}: {problem}. It would be quarantined again."
        for (quarter, file, line), values in by_line.items()
        if (problem := broken_value(contract, {**came[quarter, file, line], **values}))
    ]
    return problems or _repeated_ids(database, settings, by_line, came)


def broken_value(contract: Contract, values: Mapping[str, str | None]) -> str | None:
    """What is wrong with the first value of a line that breaks the contract, in words; None where all are right."""
    for part in contract.demographics:
        value = Spelling(part.values).of((values[part.name] or "").strip(" \t\r\n"))
        if not value and part.required:
            return f"{part.name} has no value"
        if value and part.values and value not in part.values:
            return f"{part.name} is '{value}', which is none of {', '.join(part.values)}"
    for subject in contract.subjects:
        text = (values[subject.column] or "").strip(" \t\r\n")
        if not text:
            return f"{subject.column} has no value"
        if not NUMBER.fullmatch(text):
            return f"{subject.column} is '{text}', which is no number"
        if not Decimal(str(contract.score.minimum)) <= Decimal(text) <= Decimal(str(contract.score.maximum)):
            return f"{subject.column} is {text}, outside {contract.score.minimum} to {contract.score.maximum}"
    return None


def _repeated_ids(
    database: Database,
    settings: Settings,
    by_line: Mapping[Place, Mapping[str, str]],
    came: Mapping[Place, Mapping[str, str | None]],
) -> list[str]:
    """A sentence for each line whose student id is another line's too: of a corrected id any other's, else an earlier one's."""
    corrected = {
        place: open_pseudonyms(settings, database).of(values[STUDENT_ID])
        for place, values in by_line.items()
        if STUDENT_ID in values
    }
    identifiers = {place: corrected.get(place) or came[place][STUDENT_ID] for place in by_line}
    known = ", ".join(f"'{identifier}'" for identifier in sorted({text for text in identifiers.values() if text}))
    if not known:
        return []
    with model_rows(settings, database) as rows:
        found = rows(
            f"select quarter, source_student_id, min(source_line) from {RAW_VIEW} "
            f"where quarter in ({_labels({place[0] for place in by_line})}) and source_student_id in ({known}) group by 1, 2"
        )
    first_lines = {(quarter, identifier): line for quarter, identifier, line in found}
    problems = []
    taken: set[tuple[str, str]] = set()
    for (quarter, file, line), identifier in identifiers.items():
        if identifier:
            key = (str(quarter), identifier)
            is_corrected = (quarter, file, line) in corrected
            if key in taken or (key in first_lines and (is_corrected or first_lines[key] < line)):
                problems.append(
                    f"{quarter}, file {file}, line {line}: its student_id is another line's too. It would be quarantined again."
                )
            if is_corrected:
                taken.add(key)
    return problems


def _labels(quarters: Collection[Quarter]) -> str:
    return ", ".join(f"'{quarter}'" for quarter in sorted(quarters))

"""What a file of exam results must hold (`contract.yml`), and by which headers it is known.

`load_contract` and `load_aliases` read the two YAML files; `match_headers` finds the contract's columns in a file's
header (`exam_file.py` reads the lines). Whether a value is right is not judged here: that is dbt's part, so that every
refused line is kept and shown with its reason.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import Settings

SHIPPED_CONTRACT = Path(__file__).with_name("contract.yml")
SHIPPED_ALIASES = Path(__file__).with_name("aliases.yml")
STUDENT_ID = "student_id"
"""The name by which aliases and reports call the file's own student id (raw column `source_student_id`)."""

# Columns that the tables have besides the contract's; a demographic of such a name would clash.
_RESERVED = {
    "quarter", "source_file_id", "source_line", "source_student_id", "source_text", "field_count_problem", "student_id",
    "has_own_id", "mean_score", "overall_score", "grade", "is_pass", "cluster_id", "cluster_label", "student_count",
    "reason", "column_name", "all", "demographic_set_id", "score_set_id", "line_count", "missing_column", "unknown_column",
    "verdict", "subject", "score", "corrections", "is_corrected", "corrected_student_id",
}  # fmt: skip

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Identifier(_Part):
    """The student id that a file may have or not."""

    header: Text


class Demographic(_Part):
    """A category of student and the values it may take (none listed: any)."""

    name: Name
    label: Text
    header: Text
    required: bool = True
    values: Annotated[tuple[Text, ...], Field(strict=False)] = ()


class Subject(_Part):
    """An exam; its score is the column `<name>_score`. Subjects of one `group` are named together in segments."""

    name: Name
    label: Text
    header: Text
    group: Text

    @property
    def column(self) -> str:
        """The column of its scores."""
        return f"{self.name}_score"


class ScoreBounds(_Part):
    """The lowest and highest score possible, and the lowest that passes, all in points."""

    minimum: int | float
    maximum: int | float
    pass_mark: int | float

    @model_validator(mode="after")
    def _in_order(self) -> ScoreBounds:
        if not self.minimum < self.maximum or not self.minimum <= self.pass_mark <= self.maximum:
            raise ValueError("expected minimum < maximum with pass_mark between them")
        return self


class Contract(_Part):
    """The columns a file of exam results must hold. Immutable; build it with `load_contract`."""

    domain: Name = "student_performance"
    identifier: Identifier | None = None
    demographics: Annotated[tuple[Demographic, ...], Field(strict=False)]
    subjects: Annotated[tuple[Subject, ...], Field(strict=False, min_length=1)]
    score: ScoreBounds

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Contract:
        for name, count in Counter(self.raw_columns).items():
            if count > 1 or name in _RESERVED:
                raise ValueError(f"the name {name} is {'used twice' if count > 1 else 'taken by the tables'}")
        headers = Counter(normalise_header(header) for header in self.headers.values())
        if "" in headers or max(headers.values()) > 1:
            raise ValueError("two columns have the same header, or one has a header without letters")
        for demographic in self.demographics:
            if len({value.strip().casefold() for value in demographic.values}) < len(demographic.values):
                raise ValueError(f"{demographic.name} lists a value twice (case does not count)")
        return self

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The contract's columns in the order of the raw table: demographics, then `<subject>_score`."""
        return (*(part.name for part in self.demographics), *(subject.column for subject in self.subjects))

    @property
    def headers(self) -> dict[str, str]:
        """The header of each column in a file written by the book, `student_id` first where the contract has one."""
        headers = {STUDENT_ID: self.identifier.header} if self.identifier else {}
        headers |= {part.name: part.header for part in self.demographics}
        return headers | {subject.column: subject.header for subject in self.subjects}

    def dbt_vars(self) -> dict[str, Any]:
        """Give the contract as dbt's --vars: subjects, demographics, score_minimum, score_maximum and pass_mark."""
        return {
            "subjects": [subject.model_dump(mode="json", exclude={"header"}) for subject in self.subjects],
            "demographics": [part.model_dump(mode="json", exclude={"header"}) for part in self.demographics],
            "score_minimum": self.score.minimum,
            "score_maximum": self.score.maximum,
            "pass_mark": self.score.pass_mark,
        }


def load_contract(path: Path | None = None) -> Contract:
    """Read the contract in `path`, or the shipped one.

    Raises:
        QuarterdeckError: the file is absent, no YAML, or holds something else; names each key and what is expected.
    """
    path = path or SHIPPED_CONTRACT
    try:
        return Contract.model_validate(_read_mapping(path))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg'].removeprefix('Value error, ')}"
            + (" (write it in quotes)" if problem["type"] == "string_type" else "")
            for problem in error.errors()
        )
        raise QuarterdeckError(f"{path} is not a contract of exam results: {problems}.") from None


class Aliases(dict[str, str]):
    """Column name by normalised header; `office_columns` are those of an office's own files, with the file."""

    def __init__(self) -> None:
        super().__init__()
        self.office_columns: dict[str, Path] = {}


def load_aliases(*paths: Path) -> Aliases:
    """Read the shipped header names and those of an office's own files, which win over the shipped ones.

    Raises:
        QuarterdeckError: a file is absent, is not a mapping of column to names, or gives one name to two columns.
    """
    aliases = Aliases()
    for path in (SHIPPED_ALIASES, *paths):
        own: dict[str, str] = {}
        for column, names in _read_mapping(path).items():
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise QuarterdeckError(f"{path}: {column}: expected a list of header names, such as [{column}].")
            for name in map(normalise_header, names):
                if own.setdefault(name, column) != column:
                    raise QuarterdeckError(f"{path}: '{name}' is given to both {own[name]} and {column}: keep one.")
            if path != SHIPPED_ALIASES:
                aliases.office_columns[column] = path
        aliases.update(own)
    return aliases


def normalise_header(header: str) -> str:
    """Write a header without regard to case, accents, spaces and punctuation: 'Race / Ethnicity' is 'raceethnicity'."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", header).casefold()))


@dataclass(frozen=True)
class HeaderMapping:
    """Where a file keeps the contract's columns.

    `positions` are field positions (from 0) in the order of `Contract.raw_columns`, `identifier` that of the file's own
    student id or None, `extra_columns` the headers that the contract does not know ('column 1' where one is unnamed).
    """

    positions: tuple[int, ...]
    identifier: int | None
    field_count: int
    extra_columns: tuple[str, ...]

    @property
    def further(self) -> dict[int, str]:
        """Positions of the fields beside the contract's columns, with their names: those it does not know, and the id."""
        others = [place for place in range(self.field_count) if place not in (*self.positions, self.identifier)]
        named = dict(zip(others, self.extra_columns, strict=True))
        return named if self.identifier is None else {self.identifier: STUDENT_ID, **named}


def match_headers(
    headers: Sequence[str], contract: Contract, aliases: Mapping[str, str], *, name: str = "The file"
) -> HeaderMapping:
    """Find the contract's columns in a file's header; `name` is what messages call the file.

    Raises:
        QuarterdeckError: a column is missing or there twice, or an office's alias file names an unknown column.
    """
    known = contract.headers
    office_columns = getattr(aliases, "office_columns", {})
    for column, path in office_columns.items():
        if column not in known:
            raise QuarterdeckError(f"{path}: '{column}' is no column of the contract, which has: {', '.join(known)}.")
    columns = {alias: column for alias, column in aliases.items() if column in known}
    columns |= {normalise_header(column): column for column in known}
    columns |= {normalise_header(header): column for column, header in known.items()}
    found: dict[str, int] = {}
    extra: list[str] = []
    for position, header in enumerate(headers):
        column = columns.get(normalise_header(header), "")
        if column in found:
            raise QuarterdeckError(
                f"{name} has two columns for {column}: '{headers[found[column]]}' and '{header}': remove or rename one."
            )
        if column:
            found[column] = position
        else:
            extra.append(header or f"column {position + 1}")
    if missing := [column for column in contract.raw_columns if column not in found]:
        if not found and any(value in part.values for part in contract.demographics for value in headers):
            raise QuarterdeckError(
                f"{name} has no header: its first line holds values, such as a student's. Export it again with the "
                "names of its columns."
            )
        raise QuarterdeckError(
            f"{name} is not a table of exam results: no column for {', '.join(missing)}. It has: "
            f"{', '.join(repr(header[:60]) for header in headers[:40])}. If one of these is meant, add an alias in "
            f"{next(iter(office_columns.values()), 'a file of your own (QUARTERDECK_ALIASES)')}."
        )
    return HeaderMapping(
        tuple(found[column] for column in contract.raw_columns), found.get(STUDENT_ID), len(headers), tuple(extra)
    )


def office_contract(settings: Settings) -> Contract:
    """The contract in force: the office's own, or the shipped one."""
    return load_contract(settings.contract)


def dbt_variables(settings: Settings) -> dict[str, Any]:
    """The variables that this domain's models ask for."""
    contract = office_contract(settings)
    return {
        **contract.dbt_vars(),
        "is_shipped_contract": contract.raw_columns == load_contract().raw_columns,
        "max_quarantined_pct": settings.max_quarantined_pct,
    }


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise QuarterdeckError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise QuarterdeckError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise QuarterdeckError(f"{path}: expected keys with values, such as those of {SHIPPED_CONTRACT.name}.")
    return content

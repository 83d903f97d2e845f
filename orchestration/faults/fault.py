"""What a fault of a delivery is: how it is made of a clean file, and how it must end."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """How a delivery ends."""

    REFUSED = "refused"
    """Nothing is loaded: one sentence, exit code 1."""
    STOPPED = "stopped"
    """Loaded as text, and stopped before anything was built of it: one sentence, exit code 1."""
    QUARANTINED = "rows quarantined"
    """The faulty rows are set aside with their line and reason, the others are used."""
    WARNED = "warned"
    """Used, with a warning on the run and an alert, since only a person can judge it."""
    READ_RIGHT = "read right"
    """Another way to write the same: the very rows of the clean file."""


Content = str | bytes | Callable[[Path], None]


@dataclass(frozen=True)
class Clean:
    """A clean file: its header and rows as text; the rows of the quarter before, and that file as it came."""

    header: list[str]
    rows: list[list[str]]
    rows_before: list[list[str]]
    file_before: bytes

    def text(self, rows: Sequence[Sequence[str]] | None = None, header: Sequence[str] | None = None) -> str:
        """These rows (default: the clean ones) as a file written by the book."""
        return written([list(header or self.header), *(self.rows if rows is None else rows)])

    def place(self, name: str) -> int:
        """The position of the column with this header."""
        return self.header.index(name)

    def changed(self, name: str, change: Callable[[str, int], str]) -> list[list[str]]:
        """The rows with one column changed: `change` gets a value and the row's number from 0."""
        place = self.place(name)
        return [
            [change(value, number) if position == place else value for position, value in enumerate(row)]
            for number, row in enumerate(self.rows)
        ]

    def with_column(self, name: str, value: Callable[[int], str]) -> "Clean":
        """The file with one more column at its end, of which the contract knows nothing."""
        rows = [[*row, value(number)] for number, row in enumerate(self.rows)]
        return replace(self, header=[*self.header, name], rows=rows)


def written(
    table: Sequence[Sequence[str]], delimiter: str = ",", line_end: str = "\n", *, quote_all: bool = False
) -> str:
    """A table as delimited text."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    )
    writer.writerows(table)
    return buffer.getvalue()


@dataclass(frozen=True)
class Fault:
    """A fault: its name, how it is made, how it must end, and words that must be said of it.

    before: what Quarterdeck did when the fault was first tried. make: the file's content, made of the clean one; or, for
    a file too large to hold, a function that writes it. file: what the file is called.
    """

    name: str
    made: str
    outcome: Outcome
    says: tuple[str, ...]
    before: str
    make: Callable[[Any], Content]
    file: str = "results.csv"

    def write(self, clean: object, folder: Path) -> Path:
        """The faulty file, in a folder of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.file
        content = self.make(clean)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


NAMED = "named as now"


@dataclass
class Result:
    """How a fault ended, what was said of it, and what should not have happened."""

    fault: Fault
    outcome: Outcome | None = None
    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def compare(self) -> None:
        """Note where the outcome or the words are not those that the fault must have."""
        said = " ".join(self.said)
        if self.outcome is not self.fault.outcome:
            self.wrong.append(f"it should be {self.fault.outcome}")
        self.wrong += [f"'{words}' is not said" for words in self.fault.says if words not in said]


def register(faults: list[Fault], file: str) -> Callable[..., Callable[[Callable[[Any], Content]], None]]:
    """The decorator that adds a fault of such a file: its name, how it is made, its outcome, what is said, what was before."""

    def fault(
        name: str, made: str, outcome: Outcome, *says: str, before: str = NAMED
    ) -> Callable[[Callable[[Any], Content]], None]:
        def add(make: Callable[[Any], Content]) -> None:
            faults.append(Fault(name, made, outcome, says, before, make, file))

        return add

    return fault

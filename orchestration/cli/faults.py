"""`quarterdeck faults`: try every fault that deliveries have, and see what Quarterdeck says to each."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from orchestration.cli.common import app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.printable import printable

if TYPE_CHECKING:
    from orchestration.faults.fault import Result

LONGEST = 330


@app.command()
@for_people
def faults(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table as Markdown, for docs/faults.md.")
    ] = False,
) -> None:
    """Load some eighty faulty files into a database of their own: each must be named, and forty clean quarters must be quiet.

    Nothing of yours is touched. It takes about a minute, and fails where a fault is missed or a clean quarter is not quiet.
    """
    from orchestration.faults.archive_files import run_archive_faults
    from orchestration.faults.attendance_files import run_attendance_faults
    from orchestration.faults.drill import run_exam_faults
    from orchestration.faults.quiet import QUARTERS, alarms_of_clean_quarters

    with tempfile.TemporaryDirectory(prefix="quarterdeck-faults-") as name:
        folder = Path(name)
        for part in ("attendance", "archives", "clean"):
            (folder / part).mkdir()
        groups = {
            "Exam results": run_exam_faults(),
            "Attendance": run_attendance_faults(folder / "attendance"),
            "Archives from Kaggle": run_archive_faults(folder / "archives"),
        }
        alarms = alarms_of_clean_quarters(folder / "clean")
    results = [result for group in groups.values() for result in group]
    missed = [result for result in results if result.wrong]
    for title, group in groups.items():
        _print_markdown(title, group) if markdown else _print_table(title, group)
    named = len(results) - len(missed)
    said = f"{named} of {len(results)} faults ended as they must; {len(alarms)} alarms in {QUARTERS} clean quarters."
    print(said)
    if missed or alarms:
        lines = [f"{result.fault.name}: {', '.join(result.wrong)}" for result in missed]
        raise QuarterdeckError(f"{said} {'; '.join([*lines, *alarms])}")


def _said(result: "Result") -> str:
    text = printable(" ".join(result.said))
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " ..."


def _print_table(title: str, results: "list[Result]") -> None:
    table = Table(title=title, title_justify="left", show_lines=True)
    for heading in ("fault", "how it is made", "outcome", "what Quarterdeck says"):
        table.add_column(heading)
    for result in results:
        outcome = f"{result.outcome}" + (" (WRONG)" if result.wrong else "")
        table.add_row(
            *(part.replace("[", "\\[") for part in (result.fault.name, result.fault.made, outcome, _said(result)))
        )
    console.print(table)


def _print_markdown(title: str, results: "list[Result]") -> None:
    print(f"## {title}\n\n| fault | how it is made | at first | now | what Quarterdeck says |\n|---|---|---|---|---|")
    for result in results:
        fault = result.fault
        cells = (fault.name, fault.made, fault.before, str(result.outcome), _said(result))
        print(
            "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ") for cell in cells) + " |"
        )
    print()

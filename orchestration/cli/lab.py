"""`quarterdeck lab`."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.common import QuarterOption, app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import open_database
from orchestration.core.settings import get_settings
from orchestration.definitions import DOMAINS

if TYPE_CHECKING:
    from orchestration.core.lab import Case

SHOWN_CASES = 40


@app.command()
@for_people
def lab(
    definition: Annotated[
        str, typer.Argument(help="pass, grade or score_range of exams; chronic_absence or attendance_tier")
    ],
    compare: Annotated[
        str, typer.Option(help="Authorities to compare, with or without a version: edfacts,nj,edu@1,edu@2,kipp")
    ],
    quarter: QuarterOption = None,
) -> None:
    """Show who falls on different sides of authorities' definitions, and by which clause; and who is exactly on a bound."""
    labs = [import_module(f"orchestration.{domain}.lab") for domain in DOMAINS]
    knowing = [one for one in labs if definition in one.DEFINITIONS]
    if not knowing:
        there = ", ".join(name for one in labs for name in one.DEFINITIONS)
        raise QuarterdeckError(f"There is no definition '{definition}'. There are {there}.")
    asked = [name.strip() for name in compare.split(",") if name.strip()]
    found = knowing[0].compare(open_database(get_settings()), definition, asked, quarter)
    differing = _students(found.flips)
    console.print(f"{definition}, {found.quarter}: {found.student_count:,} students, {differing:,} of them differ.")
    for name in found.names:
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(found.outcome_counts[name].items()))
        console.print(f"  {name}: {counts}")
    alike: dict[tuple[str, ...], list[Case]] = {}
    for case in found.flips:
        alike.setdefault(tuple(outcome for outcome, _ in case.outcomes), []).append(case)
    for outcomes, cases in sorted(alike.items(), key=lambda item: (_students(item[1]), item[0])):
        console.print(f"\n[bold]{_students(cases):,} differ so:[/]")
        for name, outcome, (_, clause) in zip(found.names, outcomes, cases[0].outcomes, strict=True):
            console.print(f"  {name}: {outcome}, by {clause}")
        _print_cases(cases)
    on_bound = [case for case in found.cases if case.is_on_bound]
    if on_bound:
        console.print(f"\n[bold]{_students(on_bound):,} are exactly on a bound:[/]")
        _print_cases(on_bound, found.names)


def _students(cases: "Sequence[Case]") -> int:
    return sum(case.student_count for case in cases)


def _print_cases(cases: "Sequence[Case]", names: Sequence[str] = ()) -> None:
    """A line a case, with what each version says where these are named."""
    from orchestration.core.pseudonyms import shortened  # brings Arrow, which no other command needs at once

    for case in cases[:SHOWN_CASES]:
        who = ", ".join(map(shortened, case.students))
        more = case.student_count - len(case.students)
        who += (f" and {more:,} more" if who else f"{more:,} students") if more else ""
        outcomes = ", ".join(f"{name} {outcome}" for name, (outcome, _) in zip(names, case.outcomes, strict=False))
        console.print(f"    {who}: {case.figures}{f' ({outcomes})' if outcomes else ''}")
    if len(cases) > SHOWN_CASES:
        console.print(f"    and {_students(cases[SHOWN_CASES:]):,} more students")

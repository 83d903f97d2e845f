"""`quarterdeck disclose`: attack published pages, and see what each part of their protection is worth."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from orchestration.cli.common import QuarterOption, app, console, current_access, for_people
from orchestration.core.disclosure import Cell
from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import get_settings

disclose = typer.Typer(no_args_is_help=True, help="What an outsider can work out from published pages.")
app.add_typer(disclose, name="disclose")
LISTED = 12


@disclose.command("attack")
@for_people
def attack_command(
    site: Annotated[Path, typer.Argument(help="Folder of a built edition, for instance .quarterdeck/site-external.")],
) -> None:
    """Read every number of an edition, bound each hidden count by linear programming, and fail where one can be told.

    A count is told when it is below QUARTERDECK_EXTERNAL_MINIMUM_COUNT and stands there, or is hidden and can be bounded
    in an interval narrower than QUARTERDECK_EXTERNAL_MINIMUM_WIDTH. A number of unknown meaning fails too.
    """
    from orchestration.core.disclosure_attack import attack

    if not (site / "site.json").is_file():
        raise QuarterdeckError(f"{site} holds no built pages. Build them with: quarterdeck run")
    rules = get_settings().disclosure_rules
    found = attack(site, rules)
    table = Table(title=f"Attack on {site}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, number in (
        ("numbers read", found.numbers_read),
        ("counts that the edition is about", found.cells),
        ("hidden counts", found.hidden),
        (f"hidden counts bounded more closely than {rules.minimum_width}", len(found.pinned)),
        ("... of which recovered exactly", found.exact),
        (f"counts of 1 to {rules.minimum_count - 1} in the open", len(found.in_the_open)),
        ("places with numbers of unknown meaning", len(found.not_understood)),
    ):
        table.add_row(name, f"{number:,}")
    console.print(table)
    for several, small in sorted(found.in_the_open_by_dimensions().items()):
        console.print(f"{small.cells:,} cells by {several} characteristics, {small.small:,} of them in the open")
    lines = [f"{_words(cell)}: {low:g} to {high:g}" for cell, (low, high) in sorted(found.pinned.items())]
    lines += [f"{_words(cell)}: {count}" for cell, count in sorted(found.in_the_open.items())]
    lines += [f"not understood: {place}" for place in found.not_understood]
    for line in lines[:LISTED]:
        console.print(f"  {line}", markup=False)
    if len(lines) > LISTED:
        console.print(f"  ... and {len(lines) - LISTED:,} more")
    if found.succeeded:
        raise QuarterdeckError("The attack succeeded: this edition must not be given to the public.")
    console.print("The attack found nothing.")


@disclose.command("compare")
@for_people
def compare_command(quarter: QuarterOption = None) -> None:
    """Attack a quarter published without protection, with some and with all of it: what each part is worth."""
    from orchestration.core.dbt import load_manifest
    from orchestration.core.resources import Platform
    from orchestration.core.status import publishable_quarters
    from orchestration.definitions import dbt_variables
    from orchestration.student_performance.contract import office_contract
    from orchestration.student_performance.external_compare import compare
    from orchestration.student_performance.ingest import DOMAIN
    from orchestration.student_performance.publish import load_pages_data

    current_access().role = "publisher"
    platform = Platform()
    quarters = publishable_quarters(platform.database, DOMAIN)
    if not quarters or (quarter and quarter not in quarters):
        raise QuarterdeckError(f"There are no results of {quarter or 'any quarter'}. Load them with: quarterdeck run")
    shown = quarter or quarters[-1]
    settings = platform.settings
    manifest = load_manifest(settings, dbt_variables(settings))
    data = load_pages_data(platform, office_contract(settings), manifest, quarters, "", datetime.now(UTC))
    rules = settings.disclosure_rules
    table = Table(title=f"The external edition of {shown}, attacked", title_justify="left")
    table.add_column("published", no_wrap=True)
    for name in ("counts", "hidden", f"told within {rules.minimum_width}", "exactly", "in the open"):
        table.add_column(name, justify="right")
    for variant in compare(data, shown, rules):
        found = variant.found
        numbers = (found.cells, found.hidden, len(found.pinned), found.exact, len(found.in_the_open))
        table.add_row(variant.name, *(f"{number:,}" for number in numbers))
    console.print(table)


def _words(cell: Cell) -> str:
    group = ", ".join(value for _, value in cell.group) or "everybody"
    population = f"{cell.population}, " if cell.population else ""
    return f"{cell.quarter}, {population}{group}, {cell.measure} {cell.category}"

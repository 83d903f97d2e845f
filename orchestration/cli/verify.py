"""`quarterdeck verify` and `quarterdeck trace`: whether what is stored and shown follows from the received files."""

from __future__ import annotations

import functools
from collections import Counter
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.common import app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import open_database
from orchestration.core.settings import Settings, get_settings
from orchestration.definitions import DOMAINS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagster as dg

    from orchestration.core.figures import FigureId
    from orchestration.core.resources import Platform
    from orchestration.core.witness import SourceFile, Verdict

SPANS_SHOWN = 40


@app.command()
@for_people
def verify(
    site: Annotated[
        Path | None,
        typer.Argument(metavar="SITE", help="A folder of published pages; without one, every mart is built again."),
    ] = None,
) -> None:
    """Recompute from the received files, and name what differs.

    Of a site, every figure, by a second engine and rules stated a second time; without one, every mart, by the same rules in a
    database beside.
    """
    if site is None:
        _verify_marts(get_settings())
    else:
        _verify_site(site, get_settings())


@app.command()
@for_people
def trace(
    figure: Annotated[str, typer.Argument(metavar="ID", help="A figure's id, from a page's data-figure.")],
    site: Annotated[Path | None, typer.Option(help="Pages that show it; the published ones when not given.")] = None,
) -> None:
    """Show what a figure rests on: its query, the files and lines, the checks and the runs."""
    from orchestration.core.figures import FigureId

    settings, asked = get_settings(), FigureId.parse(figure)
    if asked.domain not in DOMAINS:
        raise QuarterdeckError(f"{figure} is no figure of {' or '.join(DOMAINS)}.")
    verification = import_module(f"orchestration.{asked.domain}.verification")
    found = verification.trace_figure(asked, site or settings.site, settings, open_database(settings))
    values = sorted({str(one.value) for one in found.shown})
    say = functools.partial(console.print, markup=False, soft_wrap=True)
    say(f"Figure      {figure}")
    say(f"Shown       {', '.join(values)} in {', '.join(sorted({one.place for one in found.shown}))}")
    say(f"Recomputed  {found.recomputed}")
    say(f"Query       {found.query}")
    for file, lines in found.lines:
        say(f"File        {file.name} ({file.quarter}), sha256 {file.sha256}, received {file.received_at}")
        say(f"Lines       {len(lines):,}{': ' if lines else ''}{_spans(lines)}")
    for quarter, zone, checks, promoter in found.checks:
        say(f"{quarter:<11} {zone}: {', '.join(checks)} ({promoter})")


def _spans(lines: list[int]) -> str:
    """The first lines, adjacent ones as one span."""
    spans: list[list[int]] = []
    for line in lines:
        if spans and spans[-1][1] == line - 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans[:SPANS_SHOWN])
    return f"{shown} and further ones" if len(spans) > SPANS_SHOWN else shown


def _verify_site(site: Path, settings: Settings) -> None:
    from orchestration.core.site_parts import read_manifest

    parts = read_manifest(site)["parts"]
    # The first domain's part is the site's own pages.
    named = dict(zip(DOMAINS, ("", *list(DOMAINS)[1:]), strict=True))
    shown = [domain for domain, name in named.items() if name in parts and not parts[name].get("is_placeholder")]
    if not shown:
        raise QuarterdeckError(
            f"{site} is no published edition. Name the folder of published pages, such as .quarterdeck/site."
        )
    verification = {domain: import_module(f"orchestration.{domain}.verification") for domain in shown}
    if any("disclosure" in parts[named[domain]] for domain in shown):
        verdicts = {"External edition": _external_verdict(site, settings, verification)}
    else:
        database = open_database(settings)
        verdicts = {
            DOMAINS[domain]: module.verify_edition(site, settings, database) for domain, module in verification.items()
        }
    for label, verdict in verdicts.items():
        _tell(label, verdict)
    others = sorted(set(parts) - set(named.values()))
    if others:
        console.print(f"Every number in {', '.join(others)} has none.")
    wrong = sum(
        len({one.figure for one, _ in verdict.differing}) + len(verdict.resting) for verdict in verdicts.values()
    )
    if wrong:
        raise QuarterdeckError(
            f"{wrong:,} figures are not shown to be what the received files give. Restore the files named, "
            "or publish the pages anew: `quarterdeck stage publish`."
        )


def _external_verdict(site: Path, settings: Settings, verification: Mapping[str, Any]) -> Verdict:
    from orchestration.core.external_witness import verify_external

    database = open_database(settings)
    damaged: list[tuple[SourceFile, str]] = []
    with TemporaryDirectory() as scratch:
        folders = {domain: Path(scratch) / domain for domain in verification}
        for domain, module in verification.items():
            damaged += module.rebuild_external(settings.site, settings, database, folders[domain])
        rebuilt = [folder for folder in folders.values() if folder.exists()]
        return verify_external(site, rebuilt, damaged)


def _tell(label: str, verdict: Verdict) -> None:
    say = functools.partial(console.print, markup=False, soft_wrap=True)
    for _, reason in verdict.damaged:
        say(f"Damaged: {reason}")
    by_table = Counter(f"{one.domain}.{one.quarter}.{one.table}" for one in verdict.resting)
    for table, count in sorted(by_table.items()):
        say(f"Rests on it: {count:,} figures of {table}")
    differing: dict[FigureId, dict[str, list[str]]] = {}
    recomputed = {one.figure: value for one, value in verdict.differing}
    for one, _ in verdict.differing:
        differing.setdefault(one.figure, {}).setdefault(str(one.value), []).append(one.place)
    for figure, shown in differing.items():
        told = "; ".join(f"{value} in {', '.join(places)}" for value, places in shown.items())
        say(f"Differs: {figure} is {told}; by the files {recomputed[figure]}")
    equal = verdict.figures - len(differing) - len(verdict.resting)
    say(f"{label}: {equal:,} of {verdict.figures:,} figures are equal, shown in {verdict.places:,} places.")
    if verdict.without:
        say(f"{sum(verdict.without.values()):,} numbers have no witness:")
    for place, count in sorted(verdict.without.items()):
        say(f"  {count:>6,}  {place}")


def _verify_marts(settings: Settings) -> None:
    from orchestration.core.progress import progress_logger
    from orchestration.core.rebuild import compare_with_rebuilt
    from orchestration.definitions import build_definitions

    commands = {domain: import_module(f"orchestration.{domain}.commands") for domain in DOMAINS}
    titles = {step: title for one in commands.values() for step, title in one.STEP_TITLES.items()}

    def definitions(scratch: Settings, platform: Platform) -> dg.Definitions:
        return build_definitions(
            scratch, resources={"platform": platform}, loggers={"console": progress_logger(titles)}
        )

    stages = {domain: one.STAGES for domain, one in commands.items()}
    comparisons, left_out = compare_with_rebuilt(settings, DOMAINS, stages, definitions, console.print)
    if left_out:
        console.print(f"Left out, since their last build did not succeed: {', '.join(left_out)}.")
    differing = [one for one in comparisons if not one.is_equal]
    tables = {one.table for one in comparisons}
    rows = sum(one.rows for one in comparisons)
    console.print(
        f"{len(comparisons) - len(differing)} of {len(comparisons)} equal: "
        f"{len(tables)} tables by quarter, {rows:,} rows built again from the received files."
    )
    if differing:
        named = ", ".join(
            f"{one.table} {one.quarter}".strip() for one in sorted(differing, key=lambda one: (one.table, one.quarter))
        )
        raise QuarterdeckError(
            f"These are not what the received files give: {named}. "
            "Build them again: `quarterdeck reset --quarter`, then `quarterdeck run`."
        )

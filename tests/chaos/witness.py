"""What marts and pages hold, as hashes that are the same for the same delivery, and a reader who watches them all the time."""

import hashlib
import json
import os
import re
import signal
import time
from pathlib import Path

import psycopg

from orchestration.core.settings import Settings
from orchestration.core.site_parts import read_manifest
from tests.e2e.marts import TABLES

# A quarter's rows in these depend on its own file alone, so that a reader may only ever see one delivery's or the other's.
OF_ONE_FILE = (
    "student_performance_marts.fct_exam_results",
    "student_performance_marts.fct_score_ranges",
    "student_performance_marts.fct_score_range_cells",
    "student_performance_ml.score_range_clusters",
)
# They tell of the runs themselves: when each stage began and ended. Parquet files hold what the CSV files beside them do.
OF_THE_RUN = re.compile(r"(^|/)(status\.html|stage_status\.csv)$|\.parquet$|^assets/")
_TIMES = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(\+00:00|Z| UTC)?|\d{1,2} \w{3,9} \d{4},? (at )?\d\d:\d\d(:\d\d)?( UTC)?"
    # how long a stage took
    r"|(· |<small>)\d[\d.]* (s|min|h)\b( \d+ (s|min)\b)?"
)


class HalfASiteError(Exception):
    """A published file is not the one that its site's manifest names."""


def marts(conninfo: str) -> dict[str, str]:
    """A hash of the rows of each mart, staging and clustering table, whatever their order."""
    with psycopg.connect(conninfo) as connection:
        names = [row[0] for row in connection.execute(TABLES).fetchall()]
        return {
            name: str(connection.execute(f"select {_HASH} from {name} as counted").fetchone())  # type: ignore[arg-type]
            for name in names
        }


_HASH = "coalesce(md5(string_agg(md5(counted::text), '' order by md5(counted::text))), 'empty')"


def pages(site: Path) -> dict[str, str]:
    """A hash of each page and download of the exams' part, without the run's id and times.

    Raises:
        HalfASiteError: a file is missing, or not the one that the manifest names.
    """
    build = Path(os.path.realpath(site))
    manifest = read_manifest(build)
    part = manifest["parts"][""]
    found = {}
    for name, expected in json.loads((build / "site.json").read_text())["files"].items():
        content = (build / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise HalfASiteError(name)
        if name in part["files"] and not OF_THE_RUN.search(name):
            text = content.decode()
            if part["run_id"]:  # the external edition names none
                text = text.replace(part["run_id"], "RUN").replace(part["run_id"][:8], "RUN")
            found[name] = hashlib.sha256(_TIMES.sub("TIME", text).encode()).hexdigest()
    return found


def everything(settings: Settings, conninfo: str) -> dict[str, str]:
    """The hashes of all marts and of both editions' pages."""
    editions = {"pages": settings.site, "external pages": settings.external_site}
    found = {f"{edition}: {name}": value for edition, site in editions.items() for name, value in pages(site).items()}
    return {**marts(conninfo), **found}


def quarters_of(connection: psycopg.Connection) -> dict[str, dict[str, str]]:
    """By table of `OF_ONE_FILE`, the hash of each quarter's rows."""
    return {
        name: dict(
            connection.execute(
                f"select quarter, {_HASH} from {name} as counted group by quarter"  # type: ignore[arg-type]
            ).fetchall()
        )
        for name in OF_ONE_FILE
    }


def watch(
    settings: Settings, conninfo: str, allowed: list[dict[str, dict[str, str]]], sites: list[dict[str, str]], log: Path
) -> int:
    """Start a process that reads marts and pages until it is ended, and writes what it must never see to `log`.

    allowed: `quarters_of` after each delivery; sites: the hashes of the internal pages after each.
    """
    process = os.fork()
    if process:
        return process
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    reads = 0
    while True:
        try:
            with psycopg.connect(conninfo, autocommit=True, application_name="reader") as connection:
                while True:
                    for sentence in (*_seen_in_marts(connection, allowed), *_seen_in_pages(settings.site, sites)):
                        with log.open("a") as file:
                            file.write(sentence + "\n")
                    reads += 1
                    log.with_suffix(".reads").write_text(str(reads))
                    time.sleep(0.1)
        except psycopg.OperationalError:
            time.sleep(0.2)  # the server was killed; a reader comes again


def _seen_in_marts(connection: psycopg.Connection, allowed: list[dict[str, dict[str, str]]]) -> list[str]:
    try:
        found = quarters_of(connection)
    except psycopg.errors.UndefinedTable as error:
        return [f"missing table: {str(error).splitlines()[0]}"]
    sentences = []
    for table, quarters in found.items():
        for quarter in allowed[0][table]:
            if quarters.get(quarter) not in [state[table][quarter] for state in allowed]:
                what = "missing" if quarter not in quarters else "of neither delivery"
                sentences.append(f"{table}: {quarter} is {what}")
    return sentences


def _seen_in_pages(site: Path, sites: list[dict[str, str]]) -> list[str]:
    build = os.path.realpath(site)
    try:
        found = pages(site)
    except (OSError, HalfASiteError, KeyError) as error:
        # A build is deleted two publications later: who reads that slowly begins again.
        return [] if os.path.realpath(site) != build else [f"pages: {type(error).__name__} {error}"]
    return [] if found in sites else ["pages: of neither delivery"]

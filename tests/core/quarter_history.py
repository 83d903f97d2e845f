"""Forty quarters of an office where nothing is wrong, with the variation that such an office has."""

import random
from collections.abc import Callable
from datetime import timedelta

from orchestration.core.monitoring.anomalies import Figures
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database

FIRST = Quarter(2016, 1)
QUARTERS = [str(FIRST.plus(step)) for step in range(40)]
GROUPS = {"group A": 9, "group B": 19, "group C": 32, "group D": 26, "group E": 14}
LUNCH = {"standard": 65, "free/reduced": 35}
SEASONS = (1.0, 1.06, 0.92, 1.02)


def clean_office(seed: int, domain: str = "clean") -> Figures:
    """Rows grow by half a percent a quarter with seasons and noise; rates and shares wander and are sampled row by row."""
    chance = random.Random(seed)
    figures = Figures(domain)
    passed = 0.949
    for place, quarter in enumerate(QUARTERS):
        rows = round(1000 * 1.005**place * SEASONS[place % 4] * chance.lognormvariate(0, 0.06))
        quarantined = _times(chance, rows, 0.005)
        passed = min(0.97, max(0.92, passed + chance.gauss(0, 0.004)))
        students = rows - quarantined
        figures.rows[quarter] = rows
        figures.rates.setdefault("quarantined", {})[quarter] = (quarantined, rows)
        figures.rates.setdefault("passed", {})[quarter] = (_times(chance, students, passed), students)
        for measure, shares in (("race_ethnicity", GROUPS), ("lunch", LUNCH)):
            weights = [weight * chance.lognormvariate(0, 0.05) for weight in shares.values()]
            drawn = chance.choices(list(shares), weights, k=students)
            figures.shares.setdefault(measure, {})[quarter] = {name: drawn.count(name) for name in shares}
    return figures


def up_to(figures: Figures, quarter: str) -> Figures:
    """What was known when that quarter had been loaded."""

    def cut(by_quarter: dict) -> dict:
        return {known: value for known, value in by_quarter.items() if known <= quarter}

    return Figures(
        figures.domain,
        cut(figures.rows),
        {measure: cut(counts) for measure, counts in figures.rates.items()},
        {measure: cut(counts) for measure, counts in figures.shares.items()},
    )


def _times(chance: random.Random, trials: int, probability: float) -> int:
    return sum(chance.random() < probability for _ in range(trials))


# Each fault by the kind and measure of the one alarm that it must raise, and what it does to the newest quarter.
FAULTS: dict[str, tuple[str, str, Callable[[Figures, str], None]]] = {}


def fault(kind: str, measure: str) -> Callable[[Callable[[Figures, str], None]], Callable[[Figures, str], None]]:
    def register(plant: Callable[[Figures, str], None]) -> Callable[[Figures, str], None]:
        FAULTS[plant.__name__] = (kind, measure, plant)
        return plant

    return register


def _scale(figures: Figures, quarter: str, factor: float) -> None:
    figures.rows[quarter] = round(figures.rows[quarter] * factor)
    for counts in figures.rates.values():
        counts[quarter] = (round(counts[quarter][0] * factor), round(counts[quarter][1] * factor))
    for shares in figures.shares.values():
        shares[quarter] = {name: round(count * factor) for name, count in shares[quarter].items()}


@fault("volume", "rows_read")
def half_the_rows_are_missing(figures: Figures, quarter: str) -> None:
    _scale(figures, quarter, 0.5)


@fault("volume", "rows_read")
def every_row_is_there_twice(figures: Figures, quarter: str) -> None:
    _scale(figures, quarter, 2)


@fault("rate", "quarantined")
def four_percent_are_quarantined(figures: Figures, quarter: str) -> None:
    figures.rates["quarantined"][quarter] = (round(0.04 * figures.rows[quarter]), figures.rows[quarter])


@fault("rate", "passed")
def a_fifth_less_pass(figures: Figures, quarter: str) -> None:
    passed, students = figures.rates["passed"][quarter]
    figures.rates["passed"][quarter] = (passed - students // 5, students)


@fault("shares", "lunch")
def a_group_is_named_in_another_way(figures: Figures, quarter: str) -> None:
    shares = figures.shares["lunch"][quarter]
    shares["free / reduced"] = shares.pop("free/reduced")


def begin_anew(database: Database) -> None:
    """Forget everything that alerts are about; the domain `clean` has an empty mart of measures."""
    with database.connect() as connection:
        for table in ("quarter_files", "row_accounts", "stage_status", "alerts", "run_measures", "storage_measures"):
            connection.execute(f"delete from platform.{table}")
        connection.execute("drop schema if exists clean_marts cascade")
        connection.execute("create schema clean_marts")
        connection.execute(
            "create table clean_marts.rpt_quarter_measures "
            "(quarter text, measure text, category text, counted bigint, counted_among bigint)"
        )


def store(database: Database, office: Figures) -> None:
    """Put the office's counts where a run leaves them."""
    rows = [
        (quarter, measure, None, *counts)
        for measure, by_quarter in office.rates.items()
        if measure != "quarantined"
        for quarter, counts in by_quarter.items()
    ] + [
        (quarter, measure, category, count, sum(shares.values()))
        for measure, by_quarter in office.shares.items()
        for quarter, shares in by_quarter.items()
        for category, count in shares.items()
    ]
    with database.connect() as connection:
        cursor = connection.cursor()
        connection.execute("delete from platform.row_accounts")
        connection.execute("delete from clean_marts.rpt_quarter_measures")
        cursor.executemany("insert into clean_marts.rpt_quarter_measures values (%s, %s, %s, %s, %s)", rows)
        for quarter, count in office.rows.items():
            quarantined = office.rates["quarantined"][quarter][0]
            connection.execute(
                "insert into platform.landing_files values (%s, 'clean', %s, %s, 1, 'file', now()) on conflict do nothing",
                (quarter, f"{quarter}.csv", quarter),
            )
            connection.execute(
                "insert into platform.quarter_files (domain, quarter, source_file_id, assigned_at) "
                "values ('clean', %s, %s, %s) on conflict do nothing",
                (quarter, quarter, Quarter.parse(quarter).first_day(1) + timedelta(days=100)),
            )
            connection.execute(
                "insert into platform.row_accounts values ('clean', %s, %s, %s, %s, %s, '{}', 0, now())",
                (quarter, quarter, count, count - quarantined, quarantined),
            )


def measure_run(
    database: Database, run_id: str, *, seconds: float = 60, cost: float = 0.001, memory: int = 10**8
) -> None:
    with database.connect() as connection:
        connection.execute(
            "insert into platform.run_measures values "
            "(%s, 'step', 'clean', '{2025Q4}', 'succeeded', 1, %s, %s, %s, clock_timestamp())",
            (run_id, seconds, memory, cost),
        )


def measure_store(database: Database, run_id: str, size: int, cost: float) -> None:
    with database.connect() as connection:
        connection.execute(
            "insert into platform.storage_measures values (%s, 'clean', 'raw', 'exam_results', %s, %s, clock_timestamp())",
            (run_id, size, cost),
        )

"""Forty quarters of an office where nothing is wrong, with the variation that such an office has."""

import random
from collections.abc import Callable

from orchestration.core.monitoring.anomalies import Figures
from orchestration.core.partitions import Quarter

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

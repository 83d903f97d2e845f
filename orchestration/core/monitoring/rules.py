"""Prices, budgets and anomaly rules: the rows of `dbt_project/seeds/platform`, of which the newest that counts is taken.

They are read from the files, so that an edited row counts at the next run; dbt loads the same files for people's queries and
tests them (`defs.py`).
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, TypeVar

from orchestration.core.errors import QuarterdeckError
from orchestration.core.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds" / "platform"
BYTES_PER_GB = 1_000_000_000
EVERY = "*"

Severity = Literal["warning", "critical"]


@dataclass(frozen=True)
class Prices:
    """What an hour of compute and a GB-month of storage cost. The unit of every cost is `currency`.

    storage_gb_month: by zone; a zone without a price costs nothing.
    """

    compute_hour: float
    storage_gb_month: Mapping[str, float]
    currency: str

    def of_run(self, seconds: float) -> float:
        """Estimated cost of a machine that works for so many seconds."""
        return self.compute_hour * seconds / 3600

    def of_month(self, zone: str, size: int) -> float:
        """Estimated cost of so many bytes in the zone, kept for a month."""
        return self.storage_gb_month.get(zone, 0.0) * size / BYTES_PER_GB


@dataclass(frozen=True)
class Budget:
    """The highest value of a measure that is within the budget; `domain` may be `*`."""

    name: str
    measure: str
    domain: str
    highest: float
    severity: Severity


@dataclass(frozen=True)
class AnomalyRule:
    """What an unusual quarter is; the fields are those of `anomaly_rules.csv`, described in its yml."""

    name: str
    method: str
    domain: str
    measure: str
    bound: float
    deviations: float
    history_quarters: int
    minimum_history: int
    minimum_rows: int
    severity: Severity


@dataclass(frozen=True)
class Rules:
    """Everything that a run and a quarter are held against."""

    prices: Prices
    budgets: Sequence[Budget]
    anomalies: Sequence[AnomalyRule]

    def for_measure(self, method: str, domain: str, measure: str) -> list[AnomalyRule]:
        """The method's rules for this measure: those that name it, else those for every measure; the domain likewise."""
        rules = [rule for rule in self.anomalies if rule.method == method]
        for said_domain, said_measure in ((domain, measure), (EVERY, measure), (domain, EVERY), (EVERY, EVERY)):
            if found := [rule for rule in rules if (rule.domain, rule.measure) == (said_domain, said_measure)]:
                return found
        return []

    def days_until_due(self, domain: str) -> int | None:
        """Days after a quarter's first day until its file is late; None where no rule says so."""
        return min((int(rule.bound) for rule in self.for_measure("freshness", domain, "days")), default=None)


Row = TypeVar("Row")


def load_rules(on: date, folder: Path = SEEDS) -> Rules:
    """The rows that count on a day.

    Raises:
        QuarterdeckError: a row cannot be read; the message names the file and the line.
    """
    prices = _rows(folder / "price_list.csv", on, ("resource", "zone"), lambda row: (row, float(row["price"])))
    compute = [price for row, price in prices if row["resource"] == "compute"]
    currencies = {row["currency"] for row, _ in prices}
    if len(compute) != 1 or len(currencies) != 1:
        raise QuarterdeckError(
            f"{folder / 'price_list.csv'}: it needs one row for compute, and one currency in all rows."
        )
    return Rules(
        Prices(
            compute[0],
            {row["zone"]: price for row, price in prices if row["resource"] == "storage"},
            currencies.pop(),
        ),
        _rows(folder / "budgets.csv", on, ("budget",), _budget),
        _rows(folder / "anomaly_rules.csv", on, ("rule",), _anomaly_rule),
    )


def _budget(row: Mapping[str, str]) -> Budget:
    return Budget(row["budget"], row["measure"], row["domain"], float(row["highest"]), _severity(row))


def _anomaly_rule(row: Mapping[str, str]) -> AnomalyRule:
    return AnomalyRule(
        row["rule"],
        row["method"],
        row["domain"],
        row["measure"],
        float(row["bound"]),
        float(row["deviations"]),
        int(row["history_quarters"]),
        int(row["minimum_history"]),
        int(row["minimum_rows"]),
        _severity(row),
    )


def _severity(row: Mapping[str, str]) -> Severity:
    if row["severity"] == "critical":
        return "critical"
    if row["severity"] == "warning":
        return "warning"
    raise ValueError("severity")


def _rows(path: Path, on: date, key: Sequence[str], read: Callable[[Mapping[str, str]], Row]) -> list[Row]:
    """The newest row of each key whose first day is not after `on`, in the file's order."""
    newest: dict[tuple[str, ...], tuple[date, Row]] = {}
    line = 1
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                line += 1
                valid_from, name = date.fromisoformat(row["valid_from"]), tuple(row[column] for column in key)
                if valid_from <= on and (name not in newest or newest[name][0] <= valid_from):
                    newest[name] = (valid_from, read(row))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise QuarterdeckError(
            f"{path}, line {line}: the row cannot be read ({type(error).__name__}: {error}). "
            "Compare it with the other rows and with the description beside the file."
        ) from None
    return [row for _, row in newest.values()]

"""What is unusual: nothing in forty clean quarters, exactly what was planted otherwise."""

import math
from copy import deepcopy
from dataclasses import replace
from datetime import date
from statistics import median

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestration.core.errors import QuarterdeckError
from orchestration.core.monitoring.anomalies import (
    is_expected,
    late_source,
    stability_index,
    unusual_quarters,
    unusual_rate,
    unusual_volume,
)
from orchestration.core.monitoring.rules import SEEDS, AnomalyRule, load_rules
from tests.core.quarter_history import FAULTS, QUARTERS, clean_office, up_to

RULES = load_rules(date(2026, 11, 22))
VOLUME = RULES.for_measure("volume", "any", "rows_read")[0]
RATE = RULES.for_measure("rate", "any", "passed")[0]


@pytest.mark.parametrize("seed", range(20))
def test_forty_clean_quarters_are_silent(seed: int) -> None:
    office = clean_office(seed)
    for quarter in QUARTERS:
        assert unusual_quarters(up_to(office, quarter), RULES) == [], quarter


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("place", [5, 20, 39])
@pytest.mark.parametrize("seed", range(5))
def test_a_planted_fault_raises_exactly_its_alarm_until_it_is_mended(name: str, place: int, seed: int) -> None:
    kind, measure, plant = FAULTS[name]
    clean = up_to(clean_office(seed), QUARTERS[place])
    faulty = deepcopy(clean)
    plant(faulty, QUARTERS[place])
    found = unusual_quarters(faulty, RULES)
    assert [finding.key for finding in found] == [f"{kind} clean {QUARTERS[place]} {measure}"]
    assert QUARTERS[place] in found[0].message
    assert unusual_quarters(clean, RULES) == []


def test_a_fault_that_stays_is_not_found_again_in_the_quarters_after_it() -> None:
    office = clean_office(3)
    FAULTS["every_row_is_there_twice"][2](office, QUARTERS[20])
    for place in range(20, 24):
        found = {finding.key for finding in unusual_quarters(up_to(office, QUARTERS[place]), RULES)}
        assert found == {f"volume clean {QUARTERS[20]} rows_read"}, place
    assert unusual_quarters(up_to(office, QUARTERS[24]), RULES) == []


def test_too_short_a_history_and_too_few_rows_are_not_judged() -> None:
    office = up_to(clean_office(1), QUARTERS[3])
    FAULTS["every_row_is_there_twice"][2](office, QUARTERS[3])
    assert unusual_quarters(office, RULES) == []
    assert unusual_rate("passed", (0, 99), [(95, 100)] * 8, RATE) is None
    assert unusual_rate("passed", (0, 100), [(95, 100)] * 8, RATE) is not None


def test_the_bound_of_volume_is_a_ratio_both_ways() -> None:
    history = [1000] * 8
    assert unusual_volume(601, history, VOLUME) is None
    assert unusual_volume(599, history, VOLUME) is not None
    assert unusual_volume(1666, history, VOLUME) is None
    assert unusual_volume(1668, history, VOLUME) is not None
    assert unusual_volume(0, history, VOLUME) is not None


@given(st.lists(st.integers(1, 10**7), min_size=4, max_size=8), st.integers(2, 1000))
def test_volume_is_judged_by_ratios_alone(history: list[int], factor: int) -> None:
    rule = replace(VOLUME, deviations=0)
    rows = sorted(history)[len(history) // 2]
    # Just on the bound, the last digit of a logarithm decides.
    change = abs(math.log(rows) - median(math.log(count) for count in history))
    assume(abs(change + math.log(1 - rule.bound)) > 1e-9)
    larger = unusual_volume(rows * factor, [count * factor for count in history], rule)
    assert (unusual_volume(rows, history, rule) is None) == (larger is None)


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**6), min_size=1), st.integers(1, 50))
def test_the_stability_index_is_zero_only_of_equal_shares(counts: dict[str, int], factor: int) -> None:
    assert stability_index(counts, counts) == 0
    other = {**counts, "new": 10 * factor + sum(counts.values())}
    assert stability_index(other, counts) > 0.1
    assert stability_index(other, counts) == pytest.approx(stability_index(counts, other))


def test_the_graver_of_two_rules_counts() -> None:
    office = up_to(clean_office(2), QUARTERS[30])
    shares = office.shares["lunch"][QUARTERS[30]]
    moved = shares["standard"] // 4
    shares["standard"] -= moved
    shares["free/reduced"] += moved
    assert [finding.severity for finding in unusual_quarters(office, RULES)] == ["warning"]
    FAULTS["a_group_is_named_in_another_way"][2](office, QUARTERS[30])
    assert [finding.severity for finding in unusual_quarters(office, RULES)] == ["critical"]


def test_a_next_file_is_expected_after_one_that_came_in_its_time() -> None:
    by_hand = {"2012Q4": date(2026, 7, 17), "2013Q1": date(2026, 7, 17)}
    assert not is_expected("clean", by_hand, 1, RULES)
    assert is_expected("clean", {**by_hand, "2026Q2": date(2026, 7, 16)}, 1, RULES)
    assert not is_expected("clean", {**by_hand, "2026Q2": date(2026, 7, 17)}, 1, RULES)


def test_a_source_is_late_from_the_day_after_it_was_due() -> None:
    assert late_source("clean", "2026Q1", date(2026, 7, 16), 1, RULES) is None
    late = late_source("clean", "2026Q1", date(2026, 7, 17), 1, RULES)
    assert late is not None
    assert "2026Q2" in late.message
    assert "2026-07-16" in late.message
    # In a year from September, Q2 begins in December.
    assert late_source("clean", "2026Q1", date(2027, 3, 18), 9, RULES) is not None
    assert late_source("clean", "2026Q1", date(2027, 3, 17), 9, RULES) is None


def test_a_named_measure_has_rules_of_its_own() -> None:
    assert [rule.name for rule in RULES.for_measure("rate", "any", "quarantined")] == ["quarantined_share"]
    assert [rule.name for rule in RULES.for_measure("rate", "any", "attended")] == ["any_rate"]
    assert RULES.for_measure("no_method", "any", "rows_read") == []


def test_the_newest_row_that_counts_is_taken_and_a_wrong_one_is_named(tmp_path) -> None:
    for name in ("price_list.csv", "budgets.csv", "anomaly_rules.csv"):
        (tmp_path / name).write_text((SEEDS / name).read_text())
    budgets = tmp_path / "budgets.csv"
    budgets.write_text(budgets.read_text() + "cost_of_a_month,month_cost,*,80,USD,warning,2026-07-01,More pupils.\n")
    highest = {
        day: [budget.highest for budget in load_rules(day, tmp_path).budgets if budget.name == "cost_of_a_month"]
        for day in (date(2026, 6, 30), date(2026, 7, 1))
    }
    assert list(highest.values()) == [[50], [80]]
    lines = len(budgets.read_text().splitlines())
    budgets.write_text(budgets.read_text() + "cost,month_cost,*,much,USD,warning,2026-07-01,?\n")
    with pytest.raises(QuarterdeckError, match=rf"budgets\.csv, line {lines + 1}"):
        load_rules(date(2026, 7, 1), tmp_path)


def test_the_shipped_rules_have_reasons_and_the_fields_bounds() -> None:
    bounds = {rule.name: rule.bound for rule in RULES.anomalies}
    assert (bounds["moderate_drift"], bounds["major_drift"]) == (0.1, 0.25)
    assert isinstance(RULES.anomalies[0], AnomalyRule)
    assert RULES.prices.of_run(3600) == RULES.prices.compute_hour
    assert RULES.prices.of_month("landing", 2_000_000_000) == pytest.approx(
        2 * RULES.prices.storage_gb_month["landing"]
    )
    assert RULES.prices.of_month("no zone", 10) == 0

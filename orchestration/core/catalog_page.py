"""What the catalog page shows, as a pure function of the catalog."""

from collections.abc import Iterable, Sequence
from typing import Any

from orchestration.core.catalog import Check, Column, Dataset
from orchestration.core.catalog_lineage import ColumnLineage
from orchestration.core.profile_personal import CLASSES, NONE
from orchestration.core.site_format import count

TITLES = {"platform": "Platform"}
STATUS = {"passed": "succeeded", "failed": "failed", "warned": "warning", "not run": "pending"}


def catalog_page(
    datasets: Sequence[Dataset], lineage: ColumnLineage, undescribed: Sequence[str], missing: Sequence[str]
) -> dict[str, Any]:
    """The context of catalog.html. undescribed, missing: tables that only the database, or only the project, knows."""
    columns = [column for dataset in datasets for column in dataset.columns]
    checks = [check for dataset in datasets for check in dataset.checks]
    failed = [check for check in checks if check.outcome == "failed"]
    personal = [dataset for dataset in datasets if dataset.personal != NONE]
    names = {dataset.id: dataset.name for dataset in datasets}
    domains = list(dict.fromkeys(dataset.domain for dataset in datasets))
    notices = [f"In the database, and nobody has said what it is: {name}." for name in undescribed]
    notices += [f"Described, and not in the database: {name}." for name in missing]
    notices += [f"What this column is made from could not be read: {name}." for name in lineage.unresolved]
    return {
        "headline": f"{len(datasets)} datasets, {len(personal)} with personal data",
        "standfirst": f"Every file, table, view and page of {_listed(map(_title, domains))}: who owns it, what a row is, "
        "what it is made from and used in, how its checks ended.",
        "tiles": [
            _tile("Datasets", count(len(datasets)), f"{len(domains)} domains" if len(domains) > 1 else "1 domain"),
            _tile(
                "Columns", count(len(columns)), f"{count(sum(_is_traced(column) for column in columns))} traced back"
            ),
            _tile("Datasets with personal data", count(len(personal)), "by the strictest class of a column"),
            _tile(
                "Checks",
                count(len(checks)),
                f"{len(failed)} failed" if failed else "none failed",
                "down" if failed else "",
            ),
        ],
        "notices": notices,
        "domains": [
            (_title(domain), [_shown(dataset, names) for dataset in datasets if dataset.domain == domain])
            for domain in domains
        ],
        "domain_options": [(domain, _title(domain)) for domain in domains],
        "zone_options": [(zone, zone.capitalize()) for zone in dict.fromkeys(dataset.zone for dataset in datasets)],
        "personal_options": [(name, _words(name).capitalize()) for name in CLASSES],
    }


def _shown(dataset: Dataset, names: dict[str, str]) -> dict[str, Any]:
    outcomes = {check.outcome for check in dataset.checks}
    worst = next((outcome for outcome in ("failed", "warned", "not run") if outcome in outcomes), "passed")
    return {
        "dataset": dataset,
        "schema": dataset.id.removesuffix(f".{dataset.name}") if dataset.id.endswith(dataset.name) else "",
        "about": dataset.grain or dataset.description,
        "personal": _words(dataset.personal),
        "checks_status": STATUS[worst] if dataset.checks else None,
        "checks_text": _checks_text(dataset.checks),
        "checks": [(check, STATUS[check.outcome]) for check in dataset.checks],
        "upstream": [(id_, names[id_]) for id_ in dataset.upstream],
        "downstream": [(id_, names[id_]) for id_ in dataset.downstream],
        "columns": [
            {
                "column": column,
                "personal": "" if column.personal == NONE else f"{_words(column.personal)} ({column.personal_by})",
                "made_from": _by_table(column.made_from),
                "used_in": _by_table(column.used_in),
            }
            for column in dataset.columns
        ],
    }


def _is_traced(column: Column) -> bool:
    return bool(column.made_from)


def _checks_text(checks: Sequence[Check]) -> str:
    if not checks:
        return ""
    passed = sum(check.outcome == "passed" for check in checks)
    word = "check" if len(checks) == 1 else "checks"
    return f"{len(checks)} {word} passed" if passed == len(checks) else f"{passed} of {len(checks)} {word} passed"


def _by_table(columns: Iterable[str]) -> list[tuple[str, str]]:
    """Columns as (table, its columns), so that a table is named once."""
    tables: dict[str, list[str]] = {}
    for column in columns:
        _, table, name = column.split(".", 2)
        tables.setdefault(table, []).append(name)
    return [(table, ", ".join(names)) for table, names in tables.items()]


def _title(domain: str) -> str:
    return TITLES.get(domain) or domain.replace("_", " ").capitalize()


def _words(name: str) -> str:
    return name.replace("_", " ")


def _listed(names: Iterable[str]) -> str:
    *first, last = (name.lower() for name in names)
    return f"{', '.join(first)} and {last}" if first else last


def _tile(label: str, value: str, note: str, tone: str = "") -> dict[str, str]:
    return {"label": label, "value": value, "note": note, "tone": tone}

"""The catalog's words: datasets with their columns and checks, and the facts that they are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from orchestration.core.catalog_lineage import ColumnLineage
from orchestration.core.profile_personal import NONE

PLATFORM = "platform"
ZONES = {
    "landing": "landing",
    "raw": "raw",
    "staging": "trusted",
    "ml": "curated",
    "marts": "curated",
    "pages": "product",
}
"""The zone (the office's word) of each layer."""


@dataclass
class Column:
    """A column: its class of personal data, and why that class: `written`, `inherited`, `likely` or empty where it is none."""

    name: str
    type: str
    description: str = ""
    personal: str = NONE
    personal_by: str = ""
    made_from: list[str] = field(default_factory=list)
    used_in: list[str] = field(default_factory=list)


@dataclass
class Check:
    """A check and how it ended last: `passed`, `failed`, `warned` or `not run`."""

    name: str
    description: str = ""
    outcome: str = "not run"
    at: datetime | None = None


@dataclass
class Dataset:
    """One dataset; `id` is `schema.table`, `landing.<domain>.<asset>` or `pages.<page>`; the lists hold ids.

    rows: the planner's estimate. stage: what builds it. newest_quarter, built_at and run_id: of that stage's last success.
    """

    id: str
    name: str
    domain: str
    zone: str
    kind: str
    owner: str = ""
    grain: str = ""
    description: str = ""
    code: str = ""
    columns: list[Column] = field(default_factory=list)
    personal: str = NONE
    rows: int | None = None
    bytes: int | None = None
    stage: str = ""
    newest_quarter: str | None = None
    built_at: datetime | None = None
    run_id: str | None = None
    checks: list[Check] = field(default_factory=list)
    upstream: list[str] = field(default_factory=list)
    downstream: list[str] = field(default_factory=list)
    downloads: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Relation:
    """A table or view as the database has it, with its comment; columns are (name, type, comment)."""

    schema: str
    name: str
    kind: str
    rows: int | None
    bytes: int | None
    columns: Sequence[tuple[str, str, str]]
    comment: str = ""


@dataclass(frozen=True)
class Asset:
    """What Dagster knows of an asset; keys are joined by `/`."""

    key: str
    description: str
    owner: str
    layer: str
    upstream: Sequence[str]
    checks: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Facts:
    """Everything that the catalog is made from.

    stages: of each domain and stage, quarter, time and run of the last success of its newest quarter. outcomes: by asset
    key and check, how it ended and when. landing_columns: by landing asset, the columns of its newest file. files: number and
    bytes by domain. downloads: by table (`schema.table`), (title, address).
    """

    manifest: Mapping[str, Any]
    relations: Sequence[Relation]
    assets: Sequence[Asset]
    lineage: ColumnLineage
    stages: Mapping[tuple[str, str], tuple[str, datetime | None, str | None]] = field(default_factory=dict)
    outcomes: Mapping[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)
    landing_columns: Mapping[str, Sequence[Column]] = field(default_factory=dict)
    files: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    downloads: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


def as_json(datasets: Sequence[Dataset], lineage: ColumnLineage, built_at: datetime, run_id: str) -> dict[str, Any]:
    """The catalog as a document."""
    return {
        "built_at": built_at.isoformat(),
        "run_id": run_id,
        "column_lineage": {"columns": lineage.column_count, "unresolved": lineage.unresolved},
        "datasets": [asdict(dataset) for dataset in datasets],
    }

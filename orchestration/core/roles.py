"""The database roles: who reads and writes which schema. `roles.sql` makes them, `docs/roles.md` tells of them."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.core.settings import PROJECT_ROOT

HERE = Path(__file__).parent
# The platform's own tables, the audit table among them; and the roles, which are granted some of them.
TABLES = [HERE / "platform.sql", HERE / "leases.sql", HERE / "audit.sql"]
ROLES = HERE / "roles.sql"

# Classes of personal data that no analyst may read; a pseudonym they may.
HIDDEN = ("direct_identifier", "sensitive")


class Role(StrEnum):
    """What a process or a step works as."""

    LOADER = "loader"
    TRANSFORMER = "transformer"
    ANALYST = "analyst"
    PUBLISHER = "publisher"
    AUDITOR = "auditor"


class RoleUse(StrEnum):
    """How a connection comes to its role on this database."""

    LOGIN = "login"
    """It logs in as the role: on the embedded server, which asks for no password."""
    SET = "set"
    """It logs in as the user of the URL, who was granted the role, and becomes it."""
    NONE = "none"
    """Not at all: the login may neither create roles nor was it granted them, so it does everything itself."""


def role_name(database_name: str, role: Role) -> str:
    """The role's name on the server."""
    return f"{database_name}_{role}"


@cache
def domains() -> list[str]:
    """The domains, by their folders of dbt models and seeds: each has its schemas."""
    project = PROJECT_ROOT / "dbt_project"
    folders = [*(project / "models").iterdir(), *(project / "seeds").iterdir()]
    return sorted({folder.name for folder in folders if folder.is_dir() and not folder.name.startswith(("_", "."))})


def hidden_from_analysts(node: Mapping[str, Any]) -> list[str]:
    """Columns of a node of dbt's manifest that no analyst may read, by their tag `personal`."""
    return [
        name
        for name, column in node["columns"].items()
        if ((column.get("config") or {}).get("meta") or column.get("meta") or {}).get("personal") in HIDDEN
    ]

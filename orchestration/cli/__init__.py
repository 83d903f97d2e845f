"""The `quarterdeck` command, thin: a module a topic, which reads arguments, calls the platform and prints.

Errors end in one sentence and exit 1.
"""

from orchestration.cli import (
    alerts,
    audit,
    backup,
    disclose,
    faults,
    keys,
    lab,
    landing,
    quarantine,
    reset,
    run,
    servers,
    sql,
    status,
    verify,
)
from orchestration.cli.common import app

# Importing a topic adds its commands.
__all__ = [
    "alerts",
    "app",
    "audit",
    "backup",
    "disclose",
    "faults",
    "keys",
    "lab",
    "landing",
    "quarantine",
    "reset",
    "run",
    "servers",
    "sql",
    "status",
    "verify",
]

"""What the commands share: the application, the console, options, and errors as one sentence."""

import functools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Annotated, ParamSpec

import psycopg
import typer
from rich.console import Console

from orchestration.core.audit import Access
from orchestration.core.errors import QuarterdeckError
from orchestration.core.printable import printable
from orchestration.definitions import DOMAINS

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Quarterdeck: an academics office's files to checked, labelled and published tables, a quarter at a time.",
)
console = Console(highlight=False)

DomainOption = Annotated[
    str | None, typer.Option(help=f"One of {', '.join(DOMAINS)}; where none is given, each in turn.", metavar="NAME")
]
QuarterOption = Annotated[
    str | None, typer.Option(help="The quarter, e.g. 2026Q4; the running one when not given.", metavar="YYYYQn")
]

Parameters = ParamSpec("Parameters")


def for_people(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Say an error as one sentence on standard error and exit with 1; leave an entry in the audit table."""

    @functools.wraps(command)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        access = Access(command.__name__, sys.argv[1:])
        token = _access.set(access)
        outcome = "failed"
        try:
            command(*args, **kwargs)
            outcome = "succeeded"
        except typer.Exit as ended:
            outcome = f"ended with {ended.exit_code}"
            raise
        except QuarterdeckError as error:
            outcome = f"failed: {error}"
            _say_error(str(error))
            raise typer.Exit(1) from None
        except psycopg.errors.InsufficientPrivilege as error:
            outcome = f"failed: {error.diag.message_primary}"
            _say_error(f"The database's login may not do this: {error.diag.message_primary}. See docs/roles.md.")
            raise typer.Exit(1) from None
        finally:
            _access.reset(token)
            try:
                access.record(outcome)
            except psycopg.Error as error:
                _say_error(f"The audit entry of this command could not be written ({type(error).__name__}).")
                raise typer.Exit(1) from None

    return wrapped


def _say_error(sentence: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print("[bold red]Error:[/] ", end="")
    print(printable(sentence), file=sys.stderr)


def current_access() -> Access:
    """The running command's entry for the audit table."""
    return _access.get()


_access: ContextVar[Access] = ContextVar("access")

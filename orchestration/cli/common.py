"""What the commands share: the application, the console, options, and errors as one sentence."""

import functools
import sys
from collections.abc import Callable
from typing import Annotated, ParamSpec

import typer
from rich.console import Console

from orchestration.core.errors import QuarterdeckError
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
    """Say an error as one sentence on standard error and exit with 1."""

    @functools.wraps(command)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except QuarterdeckError as error:
            Console(stderr=True, highlight=False, soft_wrap=True).print("[bold red]Error:[/] ", end="")
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None

    return wrapped

"""`quarterdeck reset`."""

import shutil
from typing import Annotated

import typer

from orchestration.cli.common import QuarterOption, app, console, for_people
from orchestration.core.errors import QuarterdeckError
from orchestration.core.postgres import Database, open_database, remove_embedded
from orchestration.core.settings import Settings, get_settings
from orchestration.definitions import DOMAINS


@app.command()
@for_people
def reset(
    quarter: QuarterOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a quarter's data, or everything. Received files of a quarter stay in the landing folder."""
    settings = get_settings()
    what = f"all tables' rows of {quarter}" if quarter else "every table, received file, page and run"
    if not yes and not typer.confirm(f"This deletes {what}. Go on?"):
        raise QuarterdeckError("Nothing was deleted.")
    if quarter:
        _forget_quarter(open_database(settings), settings, quarter)
        console.print(f"{quarter} is forgotten. The pages still show it until the next run.")
    else:
        _forget_all(settings)
        console.print("Everything is forgotten.")


def _forget_quarter(database: Database, settings: Settings, quarter_text: str) -> None:
    from orchestration.core.partitions import Quarter
    from orchestration.core.reset import forget_quarter

    forget_quarter(database, settings, list(DOMAINS), Quarter.parse(quarter_text))


def _forget_all(settings: Settings) -> None:
    from orchestration.core.reset import drop_schemas, drop_spark_schemas, forget_files
    from orchestration.core.storage import open_storage

    # First what can fail, so that nothing is deleted where the store does not answer.
    drop_spark_schemas(settings, list(DOMAINS))
    forget_files(open_storage(settings.landing, settings), list(DOMAINS))
    if settings.database_url is not None:
        drop_schemas(open_database(settings), list(DOMAINS))
    else:
        remove_embedded(settings)
    for site in (settings.site, settings.external_site):
        site.unlink(missing_ok=True)
        shutil.rmtree(site.parent / f"{site.name}-builds", ignore_errors=True)
    for folder in (settings.home / "dbt", settings.home / "metrics", settings.dagster_home):
        shutil.rmtree(folder, ignore_errors=True)

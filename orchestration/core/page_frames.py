"""What pages show, as frames: marts of the shown quarters, and records of the platform."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql
from psycopg.types.numeric import FloatLoader

# Postgres' numbers of types.
NUMERIC = 1700
INTEGERS = {20, 21, 23}


def mart_frames(
    connection: psycopg.Connection, domain: str, marts: Mapping[str, str], quarters: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """The quarters' rows of each mart, by the name that `marts` gives it; the same rows are in the same order every time."""
    frames = {}
    for mart, name in marts.items():
        query = sql.SQL("select * from {} where quarter = any(%s)").format(sql.Identifier(f"{domain}_marts", mart))
        frames[name] = frame(connection, query, (list(quarters),), sort=True)
    return frames


def frame(
    connection: psycopg.Connection, query: sql.Composed | bytes, parameters: Sequence[Any], *, sort: bool = False
) -> pd.DataFrame:
    """The rows of a query; sorted by all columns where the query does not say an order."""
    cursor = connection.cursor()
    cursor.adapters.register_loader("numeric", FloatLoader)  # exact in the database, a float on a page
    rows = cursor.execute(query, parameters).fetchall()
    assert cursor.description is not None
    if sort:
        rows.sort(key=repr)
    made = pd.DataFrame(rows, columns=[column.name for column in cursor.description])
    for column in cursor.description:
        if column.type_code == NUMERIC:
            made[column.name] = made[column.name].astype(float)  # also where all are missing
        elif column.type_code in INTEGERS and made[column.name].hasnans:
            # Whole also where one is missing, which pandas would have as floats.
            made[column.name] = made[column.name].astype("Int64")
    return made

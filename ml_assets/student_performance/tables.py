"""The two tables of the clustering: cells in, clusters and profiles out, by the pure functions beside this module."""

import math
from collections.abc import Sequence

import pandas as pd
import psycopg
from psycopg import sql

from ml_assets.student_performance.clustering import cluster_cells, match_clusters
from ml_assets.student_performance.matching import MAXIMUM_DISTANCE
from ml_assets.student_performance.subjects import Subject
from orchestration.core.errors import QuarterdeckError
from orchestration.core.leases import writing
from orchestration.core.partitions import Quarter
from orchestration.core.postgres import Database
from orchestration.core.roles import Role

DOMAIN = "student_performance"
SCHEMA = f"{DOMAIN}_ml"
CLUSTERS, PROFILES = "score_range_clusters", "cluster_profiles"
SEED = 20_240_601


def table_columns(subjects: Sequence[Subject]) -> dict[str, dict[str, str]]:
    """Columns and types of the two tables written here."""
    return {
        CLUSTERS: {
            "quarter": "text not null",
            "cell_id": "text not null",
            **{f"{subject.name}_range": "smallint not null" for subject in subjects},
            "student_count": "bigint not null",
            "cluster_id": "smallint not null",
            "cluster_label": "text not null",
            "distance": "double precision not null",
            "confidence": "double precision not null",
        },
        PROFILES: {
            "quarter": "text not null",
            "cluster_id": "smallint not null",
            "cluster_label": "text not null",
            "reason": "text not null",
            **{f"{subject.name}_mean_score": "double precision not null" for subject in subjects},
            "student_count": "bigint not null",
            "student_pct": "double precision not null",
            "cell_count": "integer not null",
            "cluster_count": "smallint not null",
            "silhouette": "double precision",
            "inertia": "double precision not null",
            "inertia_ratio": "double precision",
            "stability": "double precision",
            "continues_cluster_id": "smallint",
            "continues_label": "text",
            "continues_distance": "double precision",
        },
    }


def cluster_quarter(database: Database, quarter: Quarter, subjects: Sequence[Subject]) -> tuple[int, pd.DataFrame]:
    """Cluster one quarter's cells and replace its rows in both tables, in one transaction.

    The next quarter's continuation is matched again, since it refers to this quarter's clusters.

    Returns:
        The number of cells, and the profiles as written.

    Raises:
        QuarterdeckError: the quarter has no cells.
    """
    with writing(database.as_role(Role.TRANSFORMER)) as connection:
        cells = _frame(
            connection,
            sql.SQL("select {} from student_performance_marts.fct_score_range_cells where quarter = {}").format(
                _identifiers(["cell_id", *_each(subjects, "_range"), "student_count", *_each(subjects, "_mean_score")]),
                sql.Literal(str(quarter)),
            ),
        )
        if cells.empty:
            raise QuarterdeckError(
                f"{quarter}: there are no accepted results to cluster. Load the quarter's file first."
            )
        scores = _each(subjects, "_score")
        score_counts = _frame(
            connection,
            sql.SQL(
                "select {0}, student_count from student_performance_marts.fct_score_sets where quarter = {1}"
            ).format(_identifiers(scores), sql.Literal(str(quarter))),
        )
        result = cluster_cells(
            cells.astype(dict.fromkeys(_each(subjects, "_mean_score"), float)),
            subjects,
            seed=SEED,
            score_counts=score_counts.astype(dict.fromkeys(scores, float)),
        )
        for name, types in table_columns(subjects).items():
            _ensure_table(connection, name, types)
        profiles = _with_continuation(connection, result.profiles, quarter, subjects)
        _replace(connection, CLUSTERS, quarter, result.cells, subjects)
        _replace(connection, PROFILES, quarter, profiles, subjects)
        following = quarter.plus(1)
        later = _profiles(connection, following, subjects)
        if not later.empty:
            own = later.drop(columns=["continues_cluster_id", "continues_label", "continues_distance"])
            _replace(
                connection, PROFILES, following, _with_continuation(connection, own, following, subjects), subjects
            )
    return len(cells), profiles


def _with_continuation(
    connection: psycopg.Connection, profiles: pd.DataFrame, quarter: Quarter, subjects: Sequence[Subject]
) -> pd.DataFrame:
    previous = _profiles(connection, quarter.plus(-1), subjects)
    return match_clusters(
        previous, profiles, subjects, maximum_distance=MAXIMUM_DISTANCE * subjects[0].points_in_a_percent
    )


def _profiles(connection: psycopg.Connection, quarter: Quarter, subjects: Sequence[Subject]) -> pd.DataFrame:
    columns = [name for name in table_columns(subjects)[PROFILES] if name != "quarter"]
    return _frame(
        connection,
        sql.SQL("select {} from {} where quarter = {} order by cluster_id").format(
            _identifiers(columns), sql.Identifier(SCHEMA, PROFILES), sql.Literal(str(quarter))
        ),
    )


def _replace(
    connection: psycopg.Connection, table: str, quarter: Quarter, frame: pd.DataFrame, subjects: Sequence[Subject]
) -> None:
    columns = [name for name in table_columns(subjects)[table] if name != "quarter"]
    target = sql.Identifier(SCHEMA, table)
    connection.execute(sql.SQL("delete from {} where quarter = %s").format(target), (str(quarter),))
    statement = sql.SQL("copy {} ({}) from stdin").format(target, _identifiers(["quarter", *columns]))
    rows = frame[columns].astype(object).where(frame[columns].notna(), None)
    with connection.cursor().copy(statement) as copy:
        for row in rows.itertuples(index=False, name=None):
            copy.write_row((str(quarter), *row))


def _ensure_table(connection: psycopg.Connection, name: str, types: dict[str, str]) -> None:
    key = "cell_id" if name == CLUSTERS else "cluster_id"
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in types.items()
    )
    connection.execute(
        sql.SQL("create table if not exists {} ({}, primary key (quarter, {}))").format(
            sql.Identifier(SCHEMA, name), columns, sql.Identifier(key)
        )
    )


def _frame(connection: psycopg.Connection, query: sql.Composed) -> pd.DataFrame:
    cursor = connection.execute(query)
    assert cursor.description is not None
    return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


def _each(subjects: Sequence[Subject], suffix: str) -> list[str]:
    return [f"{subject.name}{suffix}" for subject in subjects]


def _identifiers(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def plot_segments(profiles: pd.DataFrame) -> str:
    """Bars of the segments' shares in Markdown, for the asset's page in the Dagster UI; a block is two percent."""
    bars = [f"{'█' * round(share / 2)} {share:.1f} %" for share in profiles["student_pct"]]
    plot = pd.DataFrame({"segment": profiles["cluster_label"], "share of students": bars})
    return str(plot.to_markdown(index=False))


def number(value: object) -> float | str:
    """A quality figure for Dagster's metadata, which takes no NaN."""
    figure = float(value)  # type: ignore[arg-type]
    return "not available" if math.isnan(figure) else figure

"""The clustering as Dagster assets: read the cells, call the pure functions, write the labelled table and the profiles back."""

import base64
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import altair as alt
import dagster as dg
import pandas as pd
import psycopg
import vl_convert
from psycopg import sql

from ml_assets.student_performance.clustering import Subject, cluster_cells, match_clusters
from ml_assets.student_performance.matching import MAXIMUM_DISTANCE
from orchestration.core.builds import changed, code_fingerprint, following
from orchestration.core.errors import QuarterdeckError
from orchestration.core.partitions import Quarter, from_partition_keys
from orchestration.core.postgres import Database, exclusive
from orchestration.core.resources import Platform
from orchestration.core.status import track

DOMAIN = "student_performance"
SCHEMA = f"{DOMAIN}_ml"
CLUSTERS, PROFILES = "score_range_clusters", "cluster_profiles"
# The steps whose records these tables depend on, and have.
MODELS_STEP, CLUSTERS_STEP = "models", "clusters"
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


def cluster_fingerprints(
    database: Database, quarters: Sequence[Quarter], subjects: Sequence[Subject]
) -> dict[Quarter, str | None]:
    """What the quarters' clusters depend on: their marts, the subjects, and the code in this folder.

    The quarter before is no part of it: clustering that one matches the following quarter's continuation again.
    """
    code = code_fingerprint(Path(__file__).parent)
    return following(database, DOMAIN, quarters, MODELS_STEP, [asdict(subject) for subject in subjects], SEED, code)


def build_clustering_assets(
    subjects: Sequence[Subject],
    partitions_def: dg.PartitionsDefinition,
    unsettled: Callable[[Platform, Sequence[Quarter]], list[Quarter]],
) -> dg.AssetsDefinition:
    """The labelled table and the profiles, partitioned by quarter; they run only after the row account holds.

    `unsettled` says on which of the quarters stage ml has work to do, or has not succeeded yet.
    """

    @dg.multi_asset(
        name=f"{DOMAIN}_clusters",
        specs=[
            dg.AssetSpec(
                dg.AssetKey([DOMAIN, name]),
                deps=[
                    dg.AssetKey([DOMAIN, upstream])
                    for upstream in ("fct_score_range_cells", "fct_score_sets", "row_accounts")
                ],
                group_name=DOMAIN,
                description=description,
                kinds={"python", "scikitlearn", "postgres"},
                owners=["team:academics_office"],
                tags={"layer": "ml", "zone": "curated"},
            )
            for name, description in {
                CLUSTERS: "Each score-range cell with the cluster it belongs to: the labelled table.",
                PROFILES: "Each quarter's clusters: label, centroid, size, reason, quality figures, continuation.",
            }.items()
        ],
        partitions_def=partitions_def,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=False,
    )
    def clusters(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        database = platform.database
        quarters = from_partition_keys(context.partition_keys, platform.settings)
        cell_count = 0
        profiles = None
        tracked = unsettled(platform, quarters)
        with (
            track(database, DOMAIN, tracked, "ml", context.run_id, begins=True),
            exclusive(database, f"ml {DOMAIN}"),
        ):
            for quarter, fingerprint in cluster_fingerprints(database, tracked, subjects).items():
                with changed(database, DOMAIN, CLUSTERS_STEP, {quarter: fingerprint}, context.log.info) as todo:
                    if not todo:
                        continue
                    cell_count_of_quarter, profiles = cluster_quarter(database, quarter, subjects)
                cell_count += cell_count_of_quarter
                names = ", ".join(
                    f"{row.cluster_label} ({row.student_count})" for row in profiles.itertuples(index=False)
                )
                context.log.info(f"{quarter}: {names}")
        if profiles is None:
            for name in (CLUSTERS, PROFILES):
                yield dg.MaterializeResult(
                    asset_key=[DOMAIN, name], metadata={"unchanged": "The cells are those that were clustered last."}
                )
            return
        shown = ["cluster_id", "cluster_label", "student_count", "reason"]
        yield dg.MaterializeResult(asset_key=[DOMAIN, CLUSTERS], metadata={"dagster/row_count": cell_count})
        yield dg.MaterializeResult(
            asset_key=[DOMAIN, PROFILES],
            metadata={
                "quarter": str(quarters[-1]),
                "segments": dg.MetadataValue.md(profiles[shown].to_markdown(index=False)),
                "plot": dg.MetadataValue.md(plot_segments(profiles)),
                "silhouette": _number(profiles["silhouette"].iloc[0]),
                "stability": _number(profiles["stability"].iloc[0]),
            },
        )

    return clusters


def cluster_quarter(database: Database, quarter: Quarter, subjects: Sequence[Subject]) -> tuple[int, pd.DataFrame]:
    """Cluster one quarter's cells and replace its rows in both tables, in one transaction.

    The next quarter's continuation is matched again, since it refers to this quarter's clusters.

    Returns:
        The number of cells, and the profiles as written.

    Raises:
        QuarterdeckError: the quarter has no cells.
    """
    with database.connect() as connection:
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
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(SCHEMA)))
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
    """A bar chart of the segments' sizes as a Markdown image, for the asset's page in the Dagster UI."""
    chart = (
        alt.Chart(profiles[["cluster_label", "student_pct"]])
        .mark_bar()
        .encode(
            alt.X("student_pct", title="Share of students, %"),
            alt.Y("cluster_label", title=None, sort=None, axis=alt.Axis(labelLimit=400)),
        )
    )
    image = vl_convert.vegalite_to_png(chart.to_dict(), scale=1)
    return f"![Share of students by segment](data:image/png;base64,{base64.b64encode(image).decode()})"


def _number(value: object) -> float | str:
    number = float(value)  # type: ignore[arg-type]
    return "not available" if math.isnan(number) else number

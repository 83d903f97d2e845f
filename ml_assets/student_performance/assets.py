"""The clustering as Dagster assets: read the cells, call the pure functions, write the labelled table and the profiles back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import dagster as dg

from ml_assets.student_performance.subjects import Subject
from orchestration.core.builds import changed, code_fingerprint, following
from orchestration.core.instance import DATABASE_WRITERS
from orchestration.core.partitions import BACKFILL_POLICY, Quarter
from orchestration.core.postgres import Database, exclusive
from orchestration.core.resources import Platform
from orchestration.core.status import track

DOMAIN = "student_performance"
CLUSTERS, PROFILES = "score_range_clusters", "cluster_profiles"
# The steps whose records these tables depend on, and have.
MODELS_STEP, CLUSTERS_STEP = "models", "clusters"


def cluster_fingerprints(
    database: Database, quarters: Sequence[Quarter], subjects: Sequence[Subject]
) -> dict[Quarter, str | None]:
    """What the quarters' clusters depend on: their marts, the subjects, and the code in this folder.

    The quarter before is no part of it: clustering that one matches the following quarter's continuation again.
    """
    code = code_fingerprint(Path(__file__).parent)
    return following(database, DOMAIN, quarters, MODELS_STEP, [asdict(subject) for subject in subjects], code)


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
        backfill_policy=BACKFILL_POLICY,
        pool=DATABASE_WRITERS,
        can_subset=False,
    )
    def clusters(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        database = platform.database
        quarters = platform.take_quarters(context, DOMAIN)
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
                    # Imported here because scikit-learn takes a second to load and only this work needs it.
                    from ml_assets.student_performance.tables import cluster_quarter

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
        from ml_assets.student_performance.tables import number, plot_segments

        shown = ["cluster_id", "cluster_label", "student_count", "reason"]
        yield dg.MaterializeResult(asset_key=[DOMAIN, CLUSTERS], metadata={"dagster/row_count": cell_count})
        yield dg.MaterializeResult(
            asset_key=[DOMAIN, PROFILES],
            metadata={
                "quarter": str(quarters[-1]),
                "segments": dg.MetadataValue.md(profiles[shown].to_markdown(index=False)),
                "plot": dg.MetadataValue.md(plot_segments(profiles)),
                "silhouette": number(profiles["silhouette"].iloc[0]),
                "stability": number(profiles["stability"].iloc[0]),
            },
        )

    return clusters

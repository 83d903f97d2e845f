"""Assemble the pages of student performance: a pure function from PagesData to files."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from orchestration.core.figures import marked, sentence
from orchestration.core.lab_page import lab_headline, lab_section
from orchestration.core.site import (
    STATIC_FOLDER,
    SiteBuilder,
    SiteFacts,
    SourceFile,
    environment,
    kept_text,
    vega_bundle,
)
from orchestration.core.site_downloads import Download, write_download
from orchestration.core.site_format import change, count, decimal, percent, plain, quarter_label
from orchestration.student_performance import payloads, static_views
from orchestration.student_performance.figures import figure_of
from orchestration.student_performance.lab_page import lab_results
from orchestration.student_performance.pages_input import (
    PAGE_MARTS,
    PLATFORM_TABLES,
    Definition,
    Demographic,
    PagesData,
    Subject,
)
from orchestration.student_performance.reading import quarters_loaded, written_reading

__all__ = ["Definition", "Demographic", "PagesData", "Subject", "build_pages"]

FOLDER = Path(__file__).parent
NAVIGATION = (
    ("index.html", "Overview"),
    ("results.html", "Results"),
    ("segments.html", "Segments"),
    ("status.html", "Status"),
    ("quality.html", "Quality"),
    ("definitions.html", "Definitions"),
    ("about.html", "About"),
    ("dbt/index.html", "Data docs (staff)"),
)
DOWNLOADS = {
    "quarters": "Quarters",
    "score_ranges": "Score ranges",
    "exam_cube": "Results by every group",
    "segments": "Segments",
    "segment_cube": "Segments by every group",
    "segment_moves": "Moves between segments",
    "stage_status": "Stage status",
    "row_accounts": "Row accounts",
    "rejected": "Quarantined lines by reason",
    "exam_outcomes": "Definitions side by side",
    "landing_files": "Files received",
    "dictionary": "Dictionary",
}


def build_pages(
    data: PagesData, folder: Path, bundle_cache: Path | None = None, areas: Sequence[tuple[str, str]] = ()
) -> list[Path]:
    """Write the pages, as a site of this part alone, into a new folder and return its files; the same data gives the same bytes.

    bundle_cache: a folder outside the site that keeps the chart runtime and the compiled charts between builds. areas: the
    first page of every part of the site, for the navigation.

    Raises FileExistsError when the folder is not empty, ValueError when no quarter has results.
    """
    if data.quarters.empty:
        raise ValueError("no quarter has results, so there is nothing to show; run the quarter first")
    with ThreadPoolExecutor(max_workers=1) as worker:
        bundle = worker.submit(vega_bundle, bundle_cache)
        quarter = quarters_loaded(data)[-1]
        templates = environment(FOLDER / "templates")
        templates.globals["figure_of"] = figure_of
        builder = SiteBuilder(folder, _facts(data, quarter, areas), templates)
        builder.static(STATIC_FOLDER, FOLDER / "static")
        downloads = {
            name: write_download(folder, name, title, getattr(data, name)) for name, title in DOWNLOADS.items()
        }
        _write_pages(builder, data, quarter, downloads, _charts(bundle_cache))
        builder.downloads.update(_offered_tables(downloads))
        builder.write("assets/vega.js", bundle.result())
    builder.manifest()
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _offered_tables(downloads: dict[str, Download]) -> dict[str, list[tuple[str, str]]]:
    fields = {f"student_performance_marts.{mart}": field for mart, field in PAGE_MARTS.items()}
    fields |= {f"platform.{table}": table for table in PLATFORM_TABLES}
    return {
        table: [(f"{made.title} (CSV)", made.csv_path), (f"{made.title} (Parquet)", made.parquet_path)]
        for table, field in fields.items()
        if (made := downloads.get(field))
    }


def _charts(cache_folder: Path | None) -> dict[str, Any]:
    def make() -> str:
        # Imported here because Altair and its compiler take a second, and memory, that a build with kept charts saves.
        from orchestration.student_performance import charts

        return json.dumps(charts.specifications())

    text = kept_text(cache_folder, "charts.json", (FOLDER / "charts.py").read_text(encoding="utf-8"), make)
    return dict(json.loads(text))


def _facts(data: PagesData, quarter: str, areas: Sequence[tuple[str, str]]) -> SiteFacts:
    shown = set(data.quarters["source_file_id"])
    files = data.landing_files[data.landing_files["source_file_id"].isin(shown)].drop_duplicates("source_file_id")
    rows = files.sort_values("received_at", ascending=False).to_dict("records")
    return SiteFacts(
        product="Quarterdeck",
        title="Student performance",
        edition="Internal edition",
        quarter=quarter,
        built_at=data.built_at,
        run_id=data.run_id,
        files=[SourceFile(row["name"], row["sha256"], row["source"]) for row in rows],
        navigation=NAVIGATION,
        sources=data.sources,
        areas=areas,
    )


def _write_pages(
    builder: SiteBuilder, data: PagesData, quarter: str, downloads: dict[str, Download], charts: dict[str, Any]
) -> None:
    reading = written_reading(data, quarter)
    results, segments = payloads.results_payload(data), payloads.segments_payload(data)
    results["charts"] = {name: charts[name] for name in ("ranges", "mean", "pass")}
    segments["charts"] = {"share": charts["share"]}
    choices = _choices(results)

    def offered(*names: str) -> list[Download]:
        return [downloads[name] for name in names]

    series = _series(data)
    builder.page(
        "index.html",
        reading=reading,
        tiles=_tiles(data, quarter),
        series=series,
        quarters=results["quarters"],
        score_bounds=_bounds(data),
        segments=_segment_bars(data, quarter),
        stages=static_views.stages(data, quarter),
        downloads=offered("quarters"),
        payload={
            "quarters": results["quarters"],
            "series": series,
            "charts": {"mean": charts["tall_mean"]},
        },
    )
    builder.page(
        "results.html",
        headline=reading.headline,
        standfirst=reading.standfirst,
        payload=results,
        score_bounds=_bounds(data),
        pass_mark=decimal(data.pass_mark, 0),
        downloads=offered("quarters", "score_ranges", "exam_cube"),
        **choices,
    )
    builder.page(
        "segments.html",
        payload=segments,
        downloads=offered("segments", "segment_cube", "segment_moves"),
        **static_views.segments_opening(data, quarter),
        **choices,
    )
    builder.page("status.html", downloads=offered("stage_status"), **static_views.status_page(data))
    builder.page(
        "quality.html",
        downloads=offered("row_accounts", "rejected", "landing_files"),
        **static_views.quality_page(data, quarter),
    )
    labs = lab_results(data, quarter)
    builder.page(
        "definitions.html",
        quarter=quarter,
        headline=lab_headline(labs, quarter, figure_of),
        sections=[lab_section(lab) for lab in labs],
        downloads=offered("exam_outcomes"),
    )
    builder.page("about.html", downloads=list(downloads.values()), **static_views.about_page(data))


def _choices(shared: dict[str, Any]) -> dict[str, Any]:
    demographics = shared["demographics"]
    return {
        "quarter_options": [(quarter, quarter_label(quarter)) for quarter in reversed(shared["quarters"])],
        "subject_options": [(payloads.OVERALL, "All subjects"), *((s["name"], s["label"]) for s in shared["subjects"])],
        "scheme_options": [
            (scheme["name"], payloads.SCHEME_CHOICES.get(scheme["name"], scheme["label"]))
            for scheme in shared["schemes"]
        ],
        "demographic_options": [(d["name"], d["label"]) for d in demographics],
        "compare_default": demographics[0]["name"],
        "options": _options,
    }


def _options(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


def _bounds(data: PagesData) -> str:
    return f"{decimal(data.score_minimum, 0)} to {decimal(data.score_maximum, 0)}"


def _series(data: PagesData) -> list[dict[str, Any]]:
    rows = data.quarters.sort_values("quarter")
    return [
        {
            "name": s.label,
            "column": f"{s.name}_mean_score",
            "values": [plain(value) for value in rows[f"{s.name}_mean_score"]],
        }
        for s in data.subjects
    ]


def _tiles(data: PagesData, quarter: str) -> list[dict[str, Any]]:
    rows = data.quarters.sort_values("quarter")
    now = rows[rows["quarter"] == quarter].iloc[0]
    earlier = rows[rows["quarter"] < quarter]
    before = None if earlier.empty else earlier.iloc[-1]
    figures: list[tuple[str, str, Callable[[Any], str], int, str]] = [
        ("Students", "student_count", count, 0, ""),
        ("Passed every subject", "pass_pct", percent, 1, "pts"),
    ]
    figures += [(f"{s.label} mean", f"{s.name}_mean_score", decimal, 1, "") for s in data.subjects]
    return [
        {
            "label": label,
            "value": show(now[column]),
            "figure": figure_of("quarters", quarter, column),
            **_note(now, before, column, places, unit),
        }
        for label, column, show, places, unit in figures
    ]


def _note(now: pd.Series, before: pd.Series | None, column: str, places: int, unit: str) -> dict[str, str]:
    if before is None:
        return {"note": "first quarter loaded", "tone": ""}
    pair = plain(now[column]), plain(before[column])
    if None in pair:
        return {"note": f"not available for {quarter_label(before['quarter'])}", "tone": ""}
    difference = pair[0] - pair[1]
    tone = "" if not places or abs(difference) < 0.05 else ("up" if difference > 0 else "down")
    changed = marked(change(difference, places), figure_of("changes", now["quarter"], f"{column}_change"))
    words = "{} {} on {}" if unit else "{}{} on {}"
    return {"note": sentence(words, changed, unit, quarter_label(before["quarter"])), "tone": tone}


def _segment_bars(data: PagesData, quarter: str) -> list[dict[str, Any]]:
    rows = data.segments[data.segments["quarter"] == quarter].sort_values("student_pct", ascending=False)
    shares = [float(value) for value in rows["student_pct"]]
    return [
        {
            "cluster_id": plain(cluster),
            "cluster_label": label,
            "student_pct": share,
            "bar": 100 * share / (shares[0] or 1),
        }
        for cluster, label, share in zip(rows["cluster_id"], rows["cluster_label"], shares, strict=True)
    ]

"""Every figure that the internal edition of exam results shows, read back from the published files with its id."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.core.figures import FigureId, Shown, read_page
from orchestration.core.witness import as_text, download_rows, downloaded
from orchestration.student_performance.contract import Contract
from orchestration.student_performance.ingest import DOMAIN
from orchestration.student_performance.witness import tables

PAGES = ("index.html", "results.html", "segments.html", "quality.html", "status.html", "definitions.html", "about.html")


@dataclass(frozen=True)
class Edition:
    """A published internal edition.

    figures: all that have a witness, wherever they are shown. without: how many numbers have none, by where they are.
    """

    figures: list[Shown]
    without: Mapping[str, int]

    @property
    def quarters(self) -> set[str]:
        """The quarters that have a figure."""
        return {shown.figure.quarter for shown in self.figures}


def read_edition(site: Path, contract: Contract) -> Edition:
    """Read the site's downloads, the data that its pages draw from, and the figures of its pages."""
    known = tables(contract)
    without: Counter[str] = Counter()
    figures = [*downloaded(DOMAIN, site, known, without)]
    ranges = sorted(download_rows(site, "score_ranges"), key=lambda row: float(row["lower_bound"]))
    for page in PAGES:
        read = read_page(site / page)
        figures += [Shown(FigureId.parse(text_id), page, text, is_text=True) for text_id, text in read.figures]
        if "cube" in read.payload or "series" in read.payload:
            figures += _payload(page, read.payload, ranges)
        if read.numbers_without_id:
            without[f"{page}: words and labels"] = read.numbers_without_id
    return Edition(figures, without)


def _payload(page: str, payload: Mapping[str, Any], ranges: Sequence[Mapping[str, str]]) -> Iterator[Shown]:
    """The data that the page's scripts draw and add up."""
    quarters = payload["quarters"]
    for series in payload.get("series", ()):
        for quarter, value in zip(quarters, series["values"], strict=True):
            yield Shown(_figure("quarters", quarter, [], series["column"]), page, value)
    cube = payload.get("cube", {"quarter": []})
    for row, at in enumerate(cube["quarter"]):
        key = [item["values"][cube["groups"][item["name"]][row]] for item in payload["demographics"]]
        if "cluster" in cube:
            table, values = "segment_cube", {"student_count": cube["students"][row]}
            key.append(str(cube["cluster"][row]))
        else:
            table, values = "exam_cube", {"student_count": cube["students"][row], "pass_count": cube["passed"][row]}
            sums = {"mean" if measure == "overall" else measure: sums for measure, sums in cube["sums"].items()}
            values |= {f"{measure}_score_sum": column[row] for measure, column in sums.items()}
            values |= {f"{measure}_range_counts": counts[row] for measure, counts in cube["bins"].items()}
        for column, value in values.items():
            yield Shown(_figure(table, quarters[at], key, column), page, value)
    for scheme in payload.get("schemes", ()):
        if "tables" in scheme:
            yield from _range_tables(page, scheme, ranges)
    for quarter, means in payload.get("means", {}).items():
        for subject, value in means.items():
            yield Shown(_figure("quarters", quarter, [], f"{subject}_mean_score"), page, value)
    for table, name, key_columns in (
        ("segments", "segments", ["cluster_id"]),
        ("segment_moves", "moves", ["previous_cluster_label", "cluster_label", "move"]),
    ):
        for quarter, rows in payload.get(name, {}).items():
            for row in rows:
                for column in (
                    "student_count",
                    "student_pct",
                    "pass_pct",
                    *(f"{s['name']}_mean_score" for s in payload["subjects"]),
                ):
                    if column in row:
                        yield Shown(
                            _figure(table, quarter, [as_text(row[part]) for part in key_columns], column),
                            page,
                            row[column],
                        )


def _range_tables(page: str, scheme: Mapping[str, Any], ranges: Sequence[Mapping[str, str]]) -> Iterator[Shown]:
    """Counts by range, of which the page holds only the order: from the lowest range to the highest."""
    orders: dict[tuple[str, str], list[str]] = {}
    for row in ranges:
        if row["range_scheme"] == scheme["name"] and row["dimension"] == "all":
            orders.setdefault((row["quarter"], row["subject"]), []).append(row["range_order"])
    for quarter, subjects in scheme["tables"].items():
        for subject, table in subjects.items():
            for dimension, values in table["counts"].items():
                for value, counts in values.items():
                    for order, count in zip(orders[quarter, subject], counts, strict=True):
                        key = [dimension, value, subject, scheme["name"], order]
                        yield Shown(_figure("score_ranges", quarter, key, "student_count"), page, count)


def _figure(table: str, quarter: str, key: Sequence[str], column: str) -> FigureId:
    return FigureId(DOMAIN, quarter, table, tuple(key), column)

"""The witness of exam results: every figure once more, from the lines of the received files to numbers, by DuckDB.

`witness*.sql` state the rules of docs/conventions.md a second time, on purpose: nothing of dbt, of the marts or of Postgres is
used, files are read record by record and not in blocks, and scores are whole numbers. What it takes on trust are the centroids
and names of the segments, which are the clustering's: who is in them is counted again, and that centroids are their cells' means.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import duckdb
import jinja2
import pyarrow as pa

from orchestration.core.delimited import inspect_file, read_rows
from orchestration.core.witness import Figures, Table, figures_of, row_condition
from orchestration.student_performance.contract import STUDENT_ID, Contract, match_headers

if TYPE_CHECKING:
    from pandas import DataFrame

SCALE = 10**8
"""Units of a score to a point: scores are exact to eight decimals."""
RECORDS_AT_ONCE = 50_000
RULES = [
    Path(__file__).with_name(name)
    for name in ("witness.sql", "witness_definitions.sql", "witness_pages.sql", "witness_views.sql")
]
SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds" / "student_performance"


def tables(contract: Contract) -> dict[str, Table]:
    """The tables of the edition that have a witness, by the name of their download."""
    names, demographics = [item.name for item in contract.subjects], [item.name for item in contract.demographics]
    means = [f"{name}_mean_score" for name in names]
    return {
        "quarters": Table(
            [],
            [
                "rows_read",
                "rows_trusted",
                "rows_quarantined",
                "student_count",
                "pass_count",
                "pass_pct",
                "mean_score",
                *means,
            ],
        ),
        "rejected": Table(["reason", "column_name"], ["line_count"]),
        "score_ranges": Table(
            ["dimension", "dimension_value", "subject", "range_scheme", "range_order"],
            ["lower_bound", "upper_bound", "student_count", "student_pct", "mean_score"],
        ),
        "exam_cube": Table(
            demographics,
            [
                "student_count",
                "pass_count",
                *(f"{name}_score_sum" for name in names),
                "mean_score_sum",
                *(f"{name}_range_counts" for name in (*names, "overall")),
            ],
        ),
        "segments": Table(["cluster_id"], ["student_count", "student_pct", "pass_pct", *means]),
        "segment_cube": Table([*demographics, "cluster_id"], ["student_count"]),
        "segment_moves": Table(
            ["previous_cluster_label", "cluster_label", "move"], ["student_count"], reaches="before"
        ),
        "exam_outcomes": Table(
            ["definition", "outcomes", "is_on_bound"],
            [
                "student_count",
                "lowest_mean_score",
                "highest_mean_score",
                "lowest_subject_score",
                "highest_subject_score",
            ],
        ),
        **_page_tables(means),
        **_view_tables(means, demographics),
    }


def _page_tables(means: Sequence[str]) -> dict[str, Table]:
    """What the pages alone show, in sentences and tables of their own."""
    compared = ["student_count", "pass_pct", *means, "mean_score"]
    reason = ["reason", "column_name"]
    versions = ["definition", "version_name", "other_version_name"]
    return {
        "changes": Table(
            [], ["pass_pct_distance", *(f"{name}_change" for name in compared)], made_of="quarters", reaches="before"
        ),
        "group_means": Table(["dimension", "dimension_value"], ["mean_score"], made_of="exam_cube"),
        "group_gaps": Table(["dimension"], ["mean_score_gap"], made_of="exam_cube"),
        "segment_counts": Table([], ["segment_count"], made_of="segments"),
        "segment_shares": Table(
            ["cluster_label"], ["student_pct", "student_pct_change"], made_of="segments", reaches="before"
        ),
        "move_totals": Table(
            [],
            [
                "followed_student_count",
                "stayed_student_count",
                "stayed_pct",
                "moved_student_count",
                "joined_student_count",
            ],
            made_of="segment_moves",
            reaches="before",
        ),
        "row_shares": Table([], ["rows_trusted_pct", "rows_quarantined_pct"], made_of="quarters"),
        "row_reasons": Table(["reason"], ["line_count"], made_of="rejected"),
        "rejected_so_far": Table(reason, ["line_count"], made_of="rejected", reaches="all"),
        "lab_outcomes": Table(["definition", "version_name", "outcome"], ["student_count"], made_of="exam_outcomes"),
        "lab_pairs": Table(versions, ["student_count"], made_of="exam_outcomes"),
        "lab_flips": Table(
            [*versions, "outcome", "other_outcome"],
            ["student_count", "lowest_mean_score", "highest_mean_score"],
            made_of="exam_outcomes",
        ),
        "bound_counts": Table(["definition"], ["student_count"], made_of="exam_outcomes"),
    }


def _view_tables(means: Sequence[str], demographics: Sequence[str]) -> dict[str, Table]:
    """What the browser makes of a page's data as the filters are set; an empty part of a view's key is every value of it."""
    return {
        "exam_views": Table(
            demographics,
            [
                "student_count",
                "student_count_change",
                "pass_pct",
                "pass_pct_change",
                *means,
                *(f"{name}_change" for name in means),
                "mean_score",
            ],
            made_of="exam_cube",
            reaches="before",
            drawn_on="results.html",
        ),
        "exam_gaps": Table(
            ["compared_by", *demographics], ["pass_pct_gap"], made_of="exam_cube", drawn_on="results.html"
        ),
        "exam_view_ranges": Table(
            [*demographics, "subject", "range_scheme", "place"],
            ["student_count", "student_pct"],
            made_of="exam_cube",
            drawn_on="results.html",
        ),
        "segment_views": Table(
            [*demographics, "cluster_id"],
            ["student_count", "student_pct", "student_pct_gap"],
            made_of="segment_cube",
            drawn_on="segments.html",
        ),
        "segment_flows": Table(
            ["cluster_label"],
            ["previous_student_count", "arrived_student_count", "gone_student_count", "net_student_count"],
            made_of="segment_moves",
            reaches="before",
            drawn_on="segments.html",
        ),
    }


class Witness:
    """The lines of the quarters' files and the figures made of them.

    segments: of each quarter, the clustering's own numbers: quarter, cluster_id, cluster_label, `<subject>_mean_score`,
    continues_cluster_id.
    """

    def __init__(self, contract: Contract, aliases: Mapping[str, str], segments: "DataFrame") -> None:
        self._contract, self._aliases = contract, aliases
        self._tables = tables(contract)
        self._connection = duckdb.connect(":memory:")
        demographics = "".join(f", {item.name} varchar" for item in contract.demographics)
        scores = "".join(f", {item.name} varchar" for item in contract.subjects)
        self._connection.execute(
            f"create table lines (quarter varchar, line bigint, has_all boolean, "
            f"is_id_corrected boolean, written_id varchar, id varchar{demographics}{scores})"
        )
        self._connection.register("given_segments", segments)
        self._is_judged = False

    def read(
        self, quarter: str, path: Path, name: str, corrections: Mapping[int, Mapping[str, str]] = MappingProxyType({})
    ) -> None:
        """Take the lines of the file that the quarter is made of; a line with another number of fields has none of them.

        corrections: by line and column, the values to be taken instead.
        """
        dialect = inspect_file(path, name=name)
        mapping = match_headers(dialect.header, self._contract, self._aliases, name=name)
        places = [mapping.identifier, *mapping.positions]
        columns_corrected = [STUDENT_ID, *self._contract.raw_columns]

        def rows() -> Iterator[tuple[Any, ...]]:
            for line, fields, _ in read_rows(path, dialect):
                has_all = len(fields) == mapping.field_count
                values = [None if place is None or not has_all else fields[place] for place in places]
                written_id = values[0]
                if line in corrections:
                    corrected = corrections[line]
                    values = [corrected.get(*pair) for pair in zip(columns_corrected, values, strict=True)]
                    has_all = True
                is_id_corrected = STUDENT_ID in corrections.get(line, {})
                yield quarter, line, has_all, is_id_corrected, written_id, *values

        names = [column[0] for column in self._connection.execute("describe lines").fetchall()]
        types = [pa.string(), pa.int64(), pa.bool_(), pa.bool_(), pa.string(), *(pa.string() for _ in places)]
        records = rows()
        while block := [row for _, row in zip(range(RECORDS_AT_ONCE), records, strict=False)]:
            columns = zip(names, types, zip(*block, strict=True), strict=True)
            taken = pa.table({column: pa.array(values, kind) for column, kind, values in columns})
            self._connection.register("taken", taken)
            self._connection.execute("insert into lines select * from taken")

    def figures(self, table: str, key: Sequence[str] | None = None) -> Figures:
        """Every figure of the table, or of the row of this quarter and key: by quarter and key, the columns' values."""
        self._judge()
        return figures_of(self._connection, table, self._tables[table], key)

    def lines_of(self, table: str, key: Sequence[str]) -> list[tuple[str, int]]:
        """The quarters and lines of the files that a row of the table is made of."""
        self._judge()
        where = row_condition(["quarter", *self._tables[table].key])
        # No name here is a person's: the contract's are checked to be plain words.
        query = f"select distinct line_quarter, line from {table}_lines where {where} order by all"  # noqa: S608
        return self._connection.execute(query, list(key)).fetchall()

    def _judge(self) -> None:
        if not self._is_judged:
            self._connection.execute(rules(self._contract))
            self._is_judged = True


def rules(contract: Contract) -> str:
    """The rules' SQL for this contract."""
    minimum, maximum, pass_mark = (
        int(Decimal(str(points)) * SCALE)
        for points in (contract.score.minimum, contract.score.maximum, contract.score.pass_mark)
    )
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - SQL, no page
    template = environment.from_string("".join(path.read_text(encoding="utf-8") for path in RULES))
    return template.render(
        subjects=contract.subjects,
        demographics=[item.model_dump() for item in contract.demographics],
        scale=SCALE,
        minimum=minimum,
        width=maximum - minimum,
        pass_mark=pass_mark,
        seed=str(SEEDS / "score_ranges.csv"),
        definitions_seed=str(SEEDS / "exam_definitions.csv"),
    )

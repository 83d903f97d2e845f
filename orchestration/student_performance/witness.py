"""The witness of exam results: every figure once more, from the lines of the received files to numbers, by DuckDB.

It states the rules of docs/conventions.md a second time, on purpose: nothing of dbt, of the marts or of Postgres is used, files
are read record by record and not in blocks, and numbers are whole: a score in hundred-millionths of a point (SCALE). What it
takes on trust are the centroids and names of the segments, which are the clustering's; who is in them is counted again.

Every `<table>_lines` has a row for each line of a file that counts for a figure of `<table>`; the figure is a count or mean of those.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from orchestration.core.delimited import inspect_file, read_rows
from orchestration.student_performance.contract import Contract, match_headers

if TYPE_CHECKING:
    from pandas import DataFrame

SCALE = 10**8
RECORDS_AT_ONCE = 50_000
SEED = Path(__file__).parents[2] / "dbt_project" / "seeds" / "student_performance" / "score_ranges.csv"


@dataclass(frozen=True)
class Table:
    """A table of the edition: what its rows are told apart by, after the quarter, and which of its columns have a witness."""

    key: Sequence[str]
    columns: Sequence[str]


def tables(contract: Contract) -> dict[str, Table]:
    """The tables of the edition that have a witness, by the name of their download."""
    names, demographics = [item.name for item in contract.subjects], [item.name for item in contract.demographics]
    means = [f"{name}_mean_score" for name in names]
    return {
        "quarters": Table(
            [],
            ["rows_read", "rows_trusted", "rows_quarantined", "student_count", "pass_count", "pass_pct", "mean_score", *means],
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
        "segment_moves": Table(["previous_cluster_label", "cluster_label", "move"], ["student_count"]),
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
            f"create table lines (quarter varchar, line bigint, has_all boolean, id varchar{demographics}{scores})"
        )
        self._connection.register("given_segments", segments)
        self._is_judged = False

    def read(self, quarter: str, path: Path, name: str) -> None:
        """Take the lines of the file that the quarter is made of; a line with another number of fields has none of them."""
        dialect = inspect_file(path, name=name)
        mapping = match_headers(dialect.header, self._contract, self._aliases, name=name)
        places = [mapping.identifier, *mapping.positions]

        def rows() -> Iterator[tuple[Any, ...]]:
            for line, fields, _ in read_rows(path, dialect):
                if len(fields) == mapping.field_count:
                    yield quarter, line, True, *(None if place is None else fields[place] for place in places)
                else:
                    yield quarter, line, False, *(None for _ in places)

        names = [column[0] for column in self._connection.execute("describe lines").fetchall()]
        types = [pa.string(), pa.int64(), pa.bool_(), *(pa.string() for _ in places)]
        records = rows()
        while block := [row for _, row in zip(range(RECORDS_AT_ONCE), records, strict=False)]:
            columns = zip(names, types, zip(*block, strict=True), strict=True)
            taken = pa.table({column: pa.array(values, kind) for column, kind, values in columns})
            self._connection.register("taken", taken)
            self._connection.execute("insert into lines select * from taken")

    def figures(self, table: str) -> dict[tuple[str, ...], dict[str, Any]]:
        """Every figure of the table: by its quarter and key, the columns' values."""
        self._judge()
        known = self._tables[table]
        names = ", ".join(["quarter", *known.key, *known.columns])
        found = self._connection.execute(f"select {names} from {table}").fetchall()
        width = 1 + len(known.key)
        return {
            tuple("" if part is None else str(part) for part in row[:width]): dict(zip(known.columns, row[width:], strict=True))
            for row in found
        }

    def lines_of(self, table: str, key: Sequence[str]) -> list[tuple[str, int]]:
        """The quarters and lines of the files that a row of the table is made of."""
        self._judge()
        names = ["quarter", *self._tables[table].key]
        where = " and ".join(f"coalesce({name}::varchar, '') = ?" for name in names)
        query = f"select distinct line_quarter, line from {table}_lines where {where} order by all"
        return self._connection.execute(query, list(key)).fetchall()

    def _judge(self) -> None:
        if not self._is_judged:
            self._connection.execute(_macros())
            for statement in (
                *_judged(self._contract), *_counted(self._contract), *_ranged(self._contract), *_segmented(self._contract)
            ):  # fmt: skip
                self._connection.execute(statement)
            self._is_judged = True


def _scaled(number: float) -> int:
    return int(Decimal(str(number)) * SCALE)


def _each(template: str, names: Sequence[str], between: str = ", ") -> str:
    return between.join(template.format(name) for name in names)


def _macros() -> str:
    """`ratio`: a quotient of whole numbers, to four decimals, a half away from zero."""
    return """
        create macro ratio(part, whole) as
            case when whole <> 0 then
                (sign(part) * ((2 * abs(part) * 10000 + whole) // (2 * whole)))::hugeint
            end;
        create macro ratio_text(part, whole) as ratio(part, whole) / 10000.0;
        create macro without_blanks(value) as nullif(trim(value, e' \\t\\r\\n'), '');
    """


def _judged(contract: Contract) -> Iterator[str]:
    """Each line with its values and its verdict; `results` are the accepted ones."""
    subjects = [item.name for item in contract.subjects]
    values = []
    for item in contract.demographics:
        spelled = "lower(regexp_replace(trim({0}), '\\s+', ' ', 'g'))".format(item.name)
        listed = "".join(f" when {_text(value.lower())} then {_text(value)}" for value in item.values)
        value = f"case {spelled}{listed} else without_blanks({item.name}) end" if listed else f"without_blanks({item.name})"
        values.append(f"{value} as {item.name}" if item.required else f"coalesce({value}, 'not given') as {item.name}")
    number = "regexp_full_match({0}, '[+-]?[0-9]{{1,30}}([.][0-9]{{0,30}})?')"
    scores = [
        f"without_blanks({name}) as {name}_text, "
        f"case when {number.format(f'without_blanks({name})')} "
        f"then (try_cast(without_blanks({name}) as decimal(38, 8)) * {SCALE})::hugeint end as {name}"
        for name in subjects
    ]
    yield f"""
        create table typed as
        select quarter, line, has_all, without_blanks(id) as id, {", ".join([*values, *scores])} from lines
    """
    branches = ["when not has_all then 'wrong_field_count:'"]
    branches += [f"when {item.name} is null then 'missing_value:{item.name}'" for item in contract.demographics if item.required]
    branches += [f"when {name}_text is null then 'missing_value:{name}_score'" for name in subjects]
    branches += [f"when {name} is null then 'not_a_number:{name}_score'" for name in subjects]
    low, high = _scaled(contract.score.minimum), _scaled(contract.score.maximum)
    branches += [f"when {name} not between {low} and {high} then 'out_of_range:{name}_score'" for name in subjects]
    branches += [
        f"when {item.name} not in ({', '.join(map(_text, [*item.values, *([] if item.required else ['not given'])]))}) "
        f"then 'unknown_category:{item.name}'"
        for item in contract.demographics
        if item.values
    ]
    branches.append("when line > min(line) over (partition by quarter, coalesce(id, line::varchar || ' has none')) then 'repeated_id:student_id'")
    yield f"create table judged as select *, case {' '.join(branches)} end as verdict from typed"
    yield f"""
        create table results as
        select *, ratio({" + ".join(subjects)}, {len(subjects) * SCALE}) * {SCALE // 10000} as overall,
            {_each("{0} >= " + str(_scaled(contract.score.pass_mark)), subjects, " and ")} as is_pass
        from judged where verdict is null
    """


def _counted(contract: Contract) -> Iterator[str]:
    """Row accounts, the quarters' figures and the cube of all groups."""
    subjects, demographics = [item.name for item in contract.subjects], [item.name for item in contract.demographics]
    groups = ", ".join(demographics)
    low, width = _scaled(contract.score.minimum), _scaled(contract.score.maximum) - _scaled(contract.score.minimum)
    yield "create view quarters_lines as select quarter, quarter as line_quarter, line from judged"
    yield f"""
        create view quarters as
        select quarter, count(*) as rows_read, count(*) filter (where verdict is null) as rows_trusted,
            count(*) filter (where verdict is not null) as rows_quarantined, any_value(student_count) as student_count,
            any_value(pass_count) as pass_count, any_value(pass_pct) as pass_pct, any_value(mean_score) as mean_score,
            {_each("any_value({0}_mean_score) as {0}_mean_score", subjects)}
        from judged
        left join (
            select quarter, count(*) as student_count, count(*) filter (where is_pass) as pass_count,
                ratio_text(100 * count(*) filter (where is_pass), count(*)) as pass_pct,
                ratio_text(sum(overall)::hugeint, count(*)::hugeint * {SCALE}) as mean_score,
                {_each("ratio_text(sum({0})::hugeint, count(*)::hugeint * " + str(SCALE) + ") as {0}_mean_score", subjects)}
            from results group by quarter
        ) using (quarter)
        group by quarter
    """
    yield """
        create view rejected_lines as
        select quarter, quarter as line_quarter, line, split_part(verdict, ':', 1) as reason,
            nullif(split_part(verdict, ':', 2), '') as column_name
        from judged where verdict is not null
    """
    yield "create view rejected as select quarter, reason, column_name, count(*) as line_count from rejected_lines group by all"
    place = f"least(floor(({{0}} - {low}) * 10 / {width}), 9)"
    bins = [
        "[" + ", ".join(f"count(*) filter (where {place.format(name)} = {number})" for number in range(10)) + f"] as {name}_range_counts"
        for name in (*subjects, "overall")
    ]
    yield "create view exam_cube_lines as select *, quarter as line_quarter from results"
    yield f"""
        create view exam_cube as
        select quarter, {groups}, count(*) as student_count, count(*) filter (where is_pass) as pass_count,
            {_each("sum({0})::hugeint / " + str(SCALE) + " as {0}_score_sum", subjects)},
            sum(overall)::hugeint / {SCALE} as mean_score_sum, {", ".join(bins)}
        from results group by quarter, {groups}
    """


def _ranged(contract: Contract) -> Iterator[str]:
    """Score ranges of every scheme, for everybody and for one group at a time."""
    subjects, demographics = [item.name for item in contract.subjects], [item.name for item in contract.demographics]
    measures = ", ".join(f"('{name}', {name})" for name in (*subjects, "overall"))
    dimensions = ", ".join(["('all', 'all')", *(f"('{name}', {name})" for name in demographics)])
    low, width = _scaled(contract.score.minimum), _scaled(contract.score.maximum) - _scaled(contract.score.minimum)
    yield f"""
        create view measured as
        select quarter, line, is_pass, measure.subject, measure.score, dimension.dimension, dimension.dimension_value
        from results, (values {measures}) as measure (subject, score), (values {dimensions}) as dimension (dimension, dimension_value)
    """
    yield f"""
        create table ranges as
        with bounds as (
            select quarter, subject, min(score) as lowest, max(score) as highest
            from measured where dimension = 'all' group by all
        ),
        seeded as (
            select range_scheme, range_order, range_label,
                {low} + (lower_bound * {width})::hugeint // 100 as lower_bound, {low} + (upper_bound * {width})::hugeint // 100 as upper_bound
            from read_csv({_text(str(SEED))}, all_varchar = false)
        )
        select quarter, subject, seeded.* from bounds, seeded where range_scheme <> 'kaggle_grade' or subject = 'overall'
        union all
        select quarter, subject, 'equal_width', step, null,
            lowest + (highest - lowest) * (step - 1) // 10, lowest + (highest - lowest) * step // 10
        from bounds, range(1, 11) as steps (step)
    """
    # A grade is F for whoever failed a subject, and otherwise read off the mean; the highest range holds its upper bound.
    yield """
        create view score_ranges_lines as
        with tops as (
            select *, range_order = max(range_order) over (partition by quarter, subject, range_scheme) as is_top from ranges
        )
        select quarter, quarter as line_quarter, line, dimension, dimension_value, subject, range_scheme, range_order, score
        from measured inner join tops using (quarter, subject)
        where case
            when range_scheme = 'kaggle_grade' and not is_pass then range_order = 1
            else score >= lower_bound and (score < upper_bound or is_top and score = upper_bound)
        end
    """
    yield f"""
        create view score_ranges as
        with totals as (
            select quarter, subject, dimension, dimension_value, count(*) as whole from measured group by all
        ),
        counted as (
            select quarter, subject, dimension, dimension_value, range_scheme, range_order, count(*) as part, sum(score)::hugeint as score_sum
            from score_ranges_lines group by all
        )
        select quarter, dimension, dimension_value, subject, range_scheme, range_order, lower_bound / {SCALE} as lower_bound,
            upper_bound / {SCALE} as upper_bound, coalesce(part, 0) as student_count,
            ratio_text(100 * coalesce(part, 0), whole) as student_pct, ratio_text(score_sum, part::hugeint * {SCALE}) as mean_score
        from totals inner join ranges using (quarter, subject)
        left join counted using (quarter, subject, dimension, dimension_value, range_scheme, range_order)
    """


def _segmented(contract: Contract) -> Iterator[str]:
    """Students by the nearest centroid of their quarter, and moves since the quarter before."""
    subjects, demographics = [item.name for item in contract.subjects], [item.name for item in contract.demographics]
    groups = ", ".join(demographics)
    distance = _each(f"power({{0}} / {SCALE} - {{0}}_mean_score, 2)", subjects, " + ")
    yield f"""
        create table segments_lines as
        select results.*, results.quarter as line_quarter, nearest.cluster_id, nearest.cluster_label, nearest.continues_cluster_id
        from results, lateral (
            select cluster_id, cluster_label, continues_cluster_id from given_segments
            where given_segments.quarter = results.quarter order by {distance}, cluster_id limit 1
        ) as nearest
    """
    low, width = _scaled(contract.score.minimum), _scaled(contract.score.maximum) - _scaled(contract.score.minimum)
    cell = _each(f"least(floor(({{0}} - {low}) * 10 / {width}), 9) as {{0}}_range", subjects)
    # A centroid is the mean of the cells of ten-point ranges that are nearest to it, weighted by students.
    yield f"""
        create view centroids as
        with cells as (
            select quarter, count(*) as students, {_each("ratio_text(sum({0})::hugeint, count(*)::hugeint * " + str(SCALE) + ") as {0}", subjects)}
            from (select quarter, {", ".join(subjects)}, {cell} from results)
            group by quarter, {_each("{0}_range", subjects)}
        ),
        placed as (
            select cells.*, nearest.cluster_id
            from cells, lateral (
                select cluster_id from given_segments where given_segments.quarter = cells.quarter
                order by {_each("power({0} - {0}_mean_score, 2)", subjects, " + ")}, cluster_id limit 1
            ) as nearest
        )
        select quarter, cluster_id, {_each("round(sum({0} * students) / sum(students), 6) as {0}_mean_score", subjects)}
        from placed group by all
    """
    yield f"""
        create view segments as
        select given_segments.quarter, given_segments.cluster_id, count(line) as student_count,
            ratio_text(100 * count(line), any_value(whole)) as student_pct,
            ratio_text(100 * count(line) filter (where is_pass), count(line)) as pass_pct,
            {_each("any_value(centroids.{0}_mean_score) as {0}_mean_score", subjects)}
        from given_segments
        inner join (select quarter, count(*) as whole from results group by quarter) using (quarter)
        left join centroids using (quarter, cluster_id)
        left join segments_lines using (quarter, cluster_id)
        group by given_segments.quarter, given_segments.cluster_id
    """
    yield "create view segment_cube_lines as from segments_lines"
    yield f"create view segment_cube as select quarter, {groups}, cluster_id, count(*) as student_count from segments_lines group by all"
    yield """
        create table segment_moves_pairs as
        with students as (from segments_lines where id is not null),
        before as (
            select * replace (
                case when right(quarter, 1) = '4' then (left(quarter, 4)::integer + 1) || 'Q1'
                else left(quarter, 5) || (right(quarter, 1)::integer + 1) end as quarter
            )
            from students
        )
        select quarter, students.line as line_now, before.line as line_before, before.line_quarter as quarter_before,
            before.cluster_label as previous_cluster_label, students.cluster_label,
            case
                when before.id is null then 'joined'
                when students.id is null then 'left'
                when students.continues_cluster_id = before.cluster_id then 'stayed'
                else 'moved'
            end as move
        from students full join before using (quarter, id)
        where quarter in (select quarter from students) and quarter in (select quarter from before)
    """
    yield """
        create view segment_moves_lines as
        select quarter, previous_cluster_label, cluster_label, move, quarter as line_quarter, line_now as line
        from segment_moves_pairs where line_now is not null
        union all
        select quarter, previous_cluster_label, cluster_label, move, quarter_before, line_before
        from segment_moves_pairs where line_before is not null
    """
    yield """
        create view segment_moves as
        select quarter, previous_cluster_label, cluster_label, move, count(*) as student_count from segment_moves_pairs group by all
    """


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

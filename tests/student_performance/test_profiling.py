"""A file's profile from its distinct sets of values is that of its lines."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.profile import profile_tables
from orchestration.core.profile_counting import ColumnCounter
from orchestration.student_performance.profiling import profile_exam_results

LINES = st.lists(
    st.tuples(
        st.sampled_from(["female", "male", ""]), st.sampled_from(["standard", "reduced"]), st.sampled_from("1234x")
    ),
    min_size=1,
    max_size=60,
)


def sets_of(number: str, names: list[str], rows: list[tuple[str, ...]]) -> pa.Table:
    distinct = list(dict.fromkeys(rows))
    columns = {name: [row[place] for row in distinct] for place, name in enumerate(names)}
    counts = [rows.count(row) for row in distinct]
    return pa.table({number: range(1, len(distinct) + 1), **columns, "line_count": counts})


@settings(deadline=None)
@given(LINES)
def test_sets_with_their_counts_give_the_profile_of_the_lines(lines: list[tuple[str, str, str]]) -> None:
    names = ["gender", "lunch", "math_score"]
    table = pa.table({str(place): [line[place] for line in lines] for place in range(3)})
    comments = ColumnCounter()
    comments.add(pa.chunked_array([pa.array(["late"] * len(lines))]))
    by_sets = profile_exam_results(
        {
            "demographic_set": sets_of("demographic_set", names[:2], [line[:2] for line in lines]),
            "score_set": sets_of("score_set", names[2:], [line[2:] for line in lines]),
        },
        {"comment": comments},
        len(lines),
    )
    by_lines = profile_tables([table], {str(place): name for place, name in enumerate(names)})
    assert by_sets.columns[:3] == by_lines.columns
    assert [column.name for column in by_sets.columns] == [*names, "comment"]

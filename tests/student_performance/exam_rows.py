"""A file's lines one by one, as tests want to look at them."""

from orchestration.student_performance.exam_file import ExamFile


def rows_of(exam: ExamFile) -> list[tuple[int | str | None, ...]]:
    """All lines as tuples: source_line, source_student_id, the contract's columns, source_text, field_count_problem."""
    return [
        row for table in exam.tables() for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
    ]

"""The contract, the names of its columns in files, and reading a file by it."""

import csv
from pathlib import Path

import pytest
import yaml

from orchestration.core.errors import QuarterdeckError
from orchestration.student_performance.contract import (
    SHIPPED_CONTRACT,
    Contract,
    load_aliases,
    load_contract,
    match_headers,
    normalise_header,
)
from orchestration.student_performance.exam_file import read_exam_results
from orchestration.student_performance.sample import write_sample
from tests.conftest import SHARED_STUDENTS
from tests.student_performance.exam_rows import rows_of

SHARED = SHARED_STUDENTS
FIXTURES = Path(__file__).parents[1] / "fixtures" / "student_performance"
KAGGLE_HEADER = list(load_contract().headers.values())[1:]
ROW = ["female", "group B", "some college", "standard", "none", "72", "70", "69"]


def write(path: Path, *lines: list[str], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(lines)
    return path


def contract_with(folder: Path, **changes: object) -> Path:
    content = yaml.safe_load(SHIPPED_CONTRACT.read_text(encoding="utf-8")) | changes
    path = folder / "contract.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_dbt_vars_have_the_shape_that_the_models_read() -> None:
    contract = load_contract()
    found = contract.dbt_vars()
    assert found["subjects"][0] == {"name": "math", "label": "Mathematics", "group": "mathematics"}
    assert found["demographics"][0] == {
        "name": "gender", "label": "Gender", "required": True, "values": ["female", "male"],
    }  # fmt: skip
    assert {key: found[key] for key in ("score_minimum", "score_maximum", "pass_mark")} == {
        "score_minimum": 0, "score_maximum": 100, "pass_mark": 40,
    }  # fmt: skip
    assert set(found) == {"subjects", "demographics", "score_minimum", "score_maximum", "pass_mark"}
    assert contract.raw_columns[0] == "gender"
    assert contract.raw_columns[-3:] == (
        "math_score",
        "reading_score",
        "writing_score",
    )


SUBJECT = {"name": "art", "label": "Art", "header": "art", "group": "arts"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"subjects": []}, "subjects"),
        ({"subjects": [SUBJECT, SUBJECT]}, "art_score is used twice"),
        ({"subjects": [SUBJECT | {"name": "Art!"}]}, r"subjects\.0\.name"),
        ({"subjects": [SUBJECT | {"name": "mean"}]}, "mean_score is taken"),
        ({"subjects": [SUBJECT | {"header": "GENDER"}]}, "same header"),
        ({"demographics": [{"name": "a", "label": "A", "header": "a", "values": [True]}]}, r"values\.0.*in quotes"),
        ({"demographics": [{"name": "a", "label": "A", "header": "a", "values": ["x", "X"]}]}, "a value twice"),
        ({"score": {"minimum": 0, "maximum": 100}}, r"score\.pass_mark"),
        ({"score": {"minimum": 0, "maximum": 100, "pass_mark": 120}}, "minimum < maximum"),
        ({"scores": {}}, "scores"),
    ],
)
def test_load_contract_says_which_key_is_wrong(tmp_path: Path, changes: dict[str, object], expected: str) -> None:
    path = contract_with(tmp_path, **changes)
    with pytest.raises(QuarterdeckError, match=expected) as caught:
        load_contract(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["a: [", "- a", ""])
def test_load_contract_refuses_what_is_no_mapping(tmp_path: Path, content: str) -> None:
    path = tmp_path / "contract.yml"
    path.write_text(content)
    with pytest.raises(QuarterdeckError, match=r"contract\.yml"):
        load_contract(path)
    with pytest.raises(QuarterdeckError, match="cannot be read"):
        load_contract(tmp_path / "absent.yml")


def test_normalise_header_ignores_case_spaces_punctuation_and_accents() -> None:
    assert normalise_header(" Race / Ethnicity ") == normalise_header("race_ethnicity") == "raceethnicity"
    assert normalise_header("Educación") == normalise_header("EDUCACIO\u0301N") == "educacion"


def test_match_headers_finds_columns_in_any_order_and_reports_the_others() -> None:
    headers = ["", "WritingScore", "Reading_Score", "MATH SCORE", "Test-Prep", "Lunch", "ParentEduc", "EthnicGroup",
               "Gender", "Student ID", "Transport"]  # fmt: skip
    mapping = match_headers(headers, load_contract(), load_aliases())
    assert mapping.positions == (8, 7, 6, 5, 4, 3, 2, 1)
    assert mapping.identifier == 9
    assert mapping.extra_columns == ("column 1", "Transport")


def test_match_headers_names_what_is_missing_and_what_there_is() -> None:
    with pytest.raises(QuarterdeckError) as caught:
        match_headers(["gender", "Almuerzo"], load_contract(), load_aliases(), name="a.csv")
    message = str(caught.value)
    assert "a.csv" in message
    assert "no column for race_ethnicity" in message
    assert "'Almuerzo'" in message
    assert "alias" in message


def test_match_headers_refuses_two_headers_for_one_column() -> None:
    with pytest.raises(QuarterdeckError, match="two columns for gender: 'gender' and 'Sex'"):
        match_headers([*KAGGLE_HEADER, "Sex"], load_contract(), load_aliases())


def test_aliases_of_an_office_win_and_must_be_sound(tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    own.write_text("lunch: [TestPrep, Comida]\ntest_preparation_course: [Curso]\n")
    aliases = load_aliases(own)
    assert aliases["testprep"] == aliases["comida"] == "lunch"
    assert aliases["parenteduc"].startswith("parental")
    own.write_text("lunch: [Comida]\ngender: [COMIDA]\n")
    with pytest.raises(QuarterdeckError, match="given to both lunch and gender"):
        load_aliases(own)
    own.write_text("lunch: Comida\n")
    with pytest.raises(QuarterdeckError, match="list of header names"):
        load_aliases(own)
    own.write_text("luch: [Comida]\n")
    with pytest.raises(QuarterdeckError, match=r"own\.yml: 'luch' is no column"):
        match_headers(KAGGLE_HEADER, load_contract(), load_aliases(own))


def test_shipped_aliases_do_not_disturb_another_contract(tmp_path: Path) -> None:
    contract = load_contract(contract_with(tmp_path, subjects=[SUBJECT], demographics=[]))
    assert match_headers(["math", "Art"], contract, load_aliases()).positions == (1,)


def test_rows_give_text_as_it_came_and_the_contracts_spelling(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        ["Student ID", *KAGGLE_HEADER],
        [" S1 ", " FEMALE", "Group  b", "Some College", "other ", "", " 72 ", "absent", ""],
        ["", *ROW],
        ["S3", "female"],
    )
    assert rows_of(read_exam_results(path, load_contract(), load_aliases())) == [
        (2, "S1", "female", "group B", "some college", "other", "", " 72 ", "absent", "", None, None),
        (3, None, *ROW, None, None),
        (4, *[None] * 9, "S3,female", "expected 9 fields, found 2"),
    ]


def test_rows_of_a_contract_with_one_subject_and_no_demographic(tmp_path: Path) -> None:
    contract = load_contract(contract_with(tmp_path, subjects=[SUBJECT], demographics=[], identifier=None))
    path = write(tmp_path / "a.csv", ["art", "student id"], ["7", "S1"])
    exam = read_exam_results(path, contract, load_aliases())
    assert rows_of(exam) == [(2, None, "7", None, None)]
    assert exam.mapping.extra_columns == ("student id",)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([KAGGLE_HEADER], "no rows"),
        ([KAGGLE_HEADER, ROW[:-1], ROW[:-1]], "not one line below it has as many"),
        ([["date", "price"], ["2026-01-01", "3"]], "not a table of exam results"),
    ],
)
def test_read_exam_results_refuses_what_is_no_table_of_the_contract(
    tmp_path: Path, lines: list[list[str]], expected: str
) -> None:
    path = write(tmp_path / "0123abcd", *lines)
    with pytest.raises(QuarterdeckError, match=rf"^term\.csv .*{expected}"):
        read_exam_results(path, load_contract(), load_aliases(), name="term.csv")


# The Spanish names stand in a file of students who do not exist, of the same shape as the shared one.
SPANISH = next(
    path
    for path in (SHARED / "variants" / "semicolon_spanish_headers.csv", FIXTURES / "spanish_headers_semicolon.csv")
    if path.exists()
)


@pytest.mark.parametrize(
    "path", sorted({SPANISH, FIXTURES / "spanish_headers_semicolon.csv"}), ids=lambda path: path.name
)
def test_spanish_headers_load_by_aliases_alone(path: Path) -> None:
    contract: Contract = load_contract()
    with pytest.raises(QuarterdeckError, match="'Almuerzo'"):
        read_exam_results(path, contract, load_aliases())
    exam = read_exam_results(path, contract, load_aliases(FIXTURES / "spanish_aliases.yml"))
    rows = rows_of(exam)
    assert exam.dialect.delimiter == ";"
    assert exam.mapping.extra_columns == ()
    assert len(rows) >= 20
    assert all(row[-1] is None and row[2] in ("female", "male") for row in rows)
    assert all(0 <= int(str(score)) <= 100 for row in rows for score in row[7:10])


def shared_file(name: str, folder: Path) -> Path:
    """The real file; where it is missing, the sample, its id under a name that is no id to the contract."""
    if SHARED.exists():
        return SHARED / name
    sample = write_sample("2026Q4", folder, load_contract())
    lines = sample.read_text(encoding="utf-8").splitlines()
    sample.write_text("\n".join([lines[0].replace("student id", "row"), *lines[1:]]) + "\n", encoding="utf-8")
    return sample


@pytest.mark.parametrize(
    ("name", "count", "extra_count", "means"),
    [
        ("StudentsPerformance.csv", 1000, 0, (66.089, 69.169, 68.054)),
        ("exams_kimmons_a.csv", 1000, 0, None),
        ("Expanded_data_with_more_features.csv", 30641, 7, None),
        ("Original_data_with_more_rows.csv", 30641, 1, None),
        ("variants/missing_values_cozicod.csv", 1000, 0, None),
    ]
    if SHARED.exists()
    else [("the project's own sample", 1000, 1, None)],
)
def test_every_shared_file_loads(
    name: str, count: int, extra_count: int, means: tuple[float, float, float] | None, tmp_path: Path
) -> None:
    exam = read_exam_results(shared_file(name, tmp_path), load_contract(), load_aliases())
    rows = rows_of(exam)
    assert len(rows) == count
    assert len(exam.mapping.extra_columns) == extra_count
    # The unnamed index of the larger files repeats 0 to 999, so it is no key.
    assert exam.mapping.identifier is None
    assert all(row[1] is None and row[-1] is None for row in rows)
    assert [row[0] for row in rows] == list(range(2, count + 2))
    if means:
        assert tuple(round(sum(int(str(row[place])) for row in rows) / count, 3) for place in (7, 8, 9)) == means

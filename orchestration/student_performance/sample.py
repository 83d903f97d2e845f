"""The built-in sample: exam results of students who do not exist, for a first look without any real file.

Everything follows from hashes of student number and quarter, so a quarter is the same bytes every time, can be made
alone, and agrees with its neighbours on who a student is. The shares, effects and correlations are those measured on
the public "Students Performance in Exams" set (1,000 rows); no row of it is used. What is made up on top: a slow wave,
a fall in mathematics every eighth quarter (2025Q4, 2027Q4, ...) that is made good over the next three, and a few faulty
lines in every thousand, so that the quarantine has something to show.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from scipy.special import ndtri

from orchestration.core.partitions import Quarter
from orchestration.student_performance.contract import STUDENT_ID, Contract, Demographic, Subject

# Share of the students, then what the value adds to mathematics, reading and writing (least squares on the public set).
_VALUES: dict[str, dict[str, tuple[float, tuple[float, float, float]]]] = {
    "gender": {"female": (0.518, (0.0, 0.0, 0.0)), "male": (0.482, (5.0, -7.1, -9.1))},
    "race_ethnicity": {
        "group A": (0.089, (0.0, 0.0, 0.0)),
        "group B": (0.190, (2.0, 1.3, 1.2)),
        "group C": (0.319, (2.5, 2.3, 2.4)),
        "group D": (0.262, (5.3, 4.1, 5.9)),
        "group E": (0.140, (10.1, 5.5, 5.1)),
    },
    "parental_level_of_education": {
        "some high school": (0.179, (-4.2, -4.0, -5.3)),
        "high school": (0.196, (-4.8, -4.9, -5.8)),
        "some college": (0.226, (-0.6, -1.3, -0.9)),
        "associate's degree": (0.222, (0.0, 0.0, 0.0)),
        "bachelor's degree": (0.118, (2.0, 2.2, 3.5)),
        "master's degree": (0.059, (2.9, 4.2, 5.2)),
    },
    "lunch": {"free/reduced": (0.355, (0.0, 0.0, 0.0)), "standard": (0.645, (10.9, 7.2, 8.2))},
    "test_preparation_course": {"none": (0.642, (-5.5, -7.4, -10.1)), "completed": (0.358, (0.0, 0.0, 0.0))},
}
_SUBJECTS = ("math", "reading", "writing")
_MEANS = (66.1, 69.2, 68.1)
_SPREADS = (13.1, 12.9, 12.4)  # standard deviation of what the demographics leave unexplained
_TENURE_QUARTERS = 10  # so that nine students in ten stay for the next quarter
_PERSISTENT, _PASSING = 0.85, 0.15  # shares of the variance that belong to the student and to the quarter
_GENERAL, _GROUP, _OWN = 0.89, 0.06, 0.05  # shares common to all subjects, to the subjects of a group, to one subject
_DIP = {7: -7.0, 0: -4.0, 1: -1.5}  # points of mathematics, by quarter number modulo 8 (2025Q4 is 7)
_FAULT_BLOCK = 1000
_SMALLEST_FAULTY_BLOCK = 200
_CHUNK_ROWS = 100_000

Numbers = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]


def write_sample(quarter: str, folder: Path, contract: Contract, *, rows: int = 1000, with_faults: bool = True) -> Path:
    """Write the sample of `quarter` (such as '2026Q4') as CSV with `rows` lines into `folder`; returns its path.

    The header is the contract's own, the student id first. A contract with other subjects or categories gets those,
    its categories in equal shares. Memory is bounded for any number of rows. Nine students in ten are in the next
    quarter too, when it has as many rows.

    Raises:
        QuarterdeckError: `quarter` is not a quarter.
    """
    time = Quarter.parse(quarter)
    path = folder / f"exam_results_sample_{time}.csv"
    number = time.year * 4 + time.number - 1
    schema = pa.schema([(header, pa.string()) for header in contract.headers.values()])
    with arrow_csv.CSVWriter(str(path), schema) as writer:
        for start in range(0, rows, _CHUNK_ROWS):
            seats = np.arange(start, min(start + _CHUNK_ROWS, rows), dtype=np.uint64)
            faults = _faults(seats, number, rows) if with_faults else np.zeros(len(seats), dtype=np.int64)
            writer.write_table(pa.table(_columns(seats, number, faults, contract), schema=schema))
    return path


def _columns(seats: Numbers, number: int, faults: npt.NDArray[np.int64], contract: Contract) -> list[pa.Array]:
    students = _students(seats, number)
    effects = np.zeros((len(seats), 3))
    categories: list[pa.Array] = []
    for index, part in enumerate(contract.demographics):
        values, shares, points = _distribution(part)
        codes = np.searchsorted(np.cumsum(shares)[:-1], _uniform(students, 20_000 + index), side="right")
        effects += (points - shares @ points)[codes]
        categories.append(pa.array(values).take(pa.array(codes)))
    text = _scores(students, number, effects, contract)
    text[0] = pc.replace_with_mask(text[0], pa.array(faults == 1), pa.scalar(""))
    text[-1] = pc.replace_with_mask(text[-1], pa.array(faults == 2), pa.scalar("absent"))
    text[0] = pc.replace_with_mask(text[0], pa.array(faults == 3), pa.scalar(f"{contract.score.maximum + 4:g}"))
    if categories:
        categories[-1] = pc.replace_with_mask(categories[-1], pa.array(faults == 4), pa.scalar(""))
    if STUDENT_ID not in contract.headers:
        return [*categories, *text]
    # The fifth fault: a line under the id of the one before it.
    shown = np.where(faults == 5, _students(seats - np.minimum(seats, np.uint64(1)), number), students)
    ids = pc.binary_join_element_wise("S", pc.utf8_lpad(pa.array(shown).cast(pa.string()), 8, "0"), "")
    return [ids, *categories, *text]


def _students(seats: Numbers, number: int) -> Numbers:
    """Give who sits on each seat: a seat passes to a new student every tenth quarter, each at its own time."""
    offsets = _hash(seats, 1) % np.uint64(_TENURE_QUARTERS)
    return seats * np.uint64(1000) + (np.uint64(number) + offsets) // np.uint64(_TENURE_QUARTERS)


def _distribution(part: Demographic) -> tuple[list[str], Floats, Floats]:
    """Values, their shares, and what each adds to the three known subjects."""
    known = _VALUES.get(part.name, {})
    values = list(part.values) or [f"{part.label} {letter}" for letter in "ABC"]
    if set(values) != set(known):
        return values, np.full(len(values), 1 / len(values)), np.zeros((len(values), 3))
    return values, np.array([known[value][0] for value in values]), np.array([known[value][1] for value in values])


def _scores(students: Numbers, number: int, effects: Floats, contract: Contract) -> list[pa.Array]:
    """Each subject's scores as text: whole points, or tenths where the contract's scale is short."""
    groups = {group: 40 + place for place, group in enumerate(sorted({part.group for part in contract.subjects}))}
    general = _both(students, number, 30)
    by_group = {group: _both(students, number, salt) for group, salt in groups.items()}
    span = contract.score.maximum - contract.score.minimum
    text = []
    for place, subject in enumerate(contract.subjects):
        known = _SUBJECTS.index(subject.name) if subject.name in _SUBJECTS else None
        deviation = (
            np.sqrt(_GENERAL) * general
            + np.sqrt(_GROUP) * by_group[subject.group]
            + np.sqrt(_OWN) * _both(students, number, 100 + place)
        )
        effect = effects.mean(axis=1) if known is None else effects[:, known]
        mean, spread = (67.0, 13.0) if known is None else (_MEANS[known], _SPREADS[known])
        percent = np.clip(mean + _drift(subject, number, place) + effect + spread * deviation, 0, 100)
        points = contract.score.minimum + percent * span / 100
        if span >= 20:
            text.append(pa.array(np.rint(points).astype(np.int64)).cast(pa.string()))
        else:
            text.append(pa.array(np.round(points, 1)).cast(pa.string()))
    return text


def _drift(subject: Subject, number: int, place: int) -> float:
    """Give what the quarter adds to everybody's score: a slow wave over twelve years, the dip, and a little chance."""
    wave = 2.5 * np.sin(2 * np.pi * (number - (2026 * 4 + 2)) / 48)
    dip = _DIP.get(number % 8, 0.0) if subject.name == "math" else 0.0
    chance = _uniform(np.array([number], dtype=np.uint64), 200 + place)[0] - 0.5
    return float(wave + dip + chance)


def _faults(seats: Numbers, number: int, rows: int) -> npt.NDArray[np.int64]:
    """Give each line's fault (1 to 5; 0 for none): three to six lines in every thousand, none in a short last block."""
    block = seats // np.uint64(_FAULT_BLOCK)
    seeds = _hash(block, 300 + number)
    faults = np.zeros(len(seats), dtype=np.int64)
    whole = np.minimum(rows - block.astype(np.int64) * _FAULT_BLOCK, _FAULT_BLOCK) >= _SMALLEST_FAULTY_BLOCK
    for turn in range(6):
        # 167 has no factor in common with 1000, so the turns fall on different lines, never on neighbours.
        position = (seeds + np.uint64(167 * turn)) % np.uint64(_FAULT_BLOCK)
        is_on = (np.uint64(turn) < np.uint64(3) + (seeds >> np.uint64(40)) % np.uint64(4)) & whole
        kind = 1 + (np.int64(turn) + ((seeds >> np.uint64(50)) % np.uint64(5)).astype(np.int64)) % 5
        faults = np.where((seats % np.uint64(_FAULT_BLOCK) == position) & is_on & (seats > 0), kind, faults)
    return faults


def _both(students: Numbers, number: int, salt: int) -> Floats:
    """Draw standard normals: mostly the student's own and lasting, partly this quarter's."""
    lasting, passing = _normal(students, salt), _normal(students, 1000 + salt + number * 1000)
    return np.asarray(np.sqrt(_PERSISTENT) * lasting + np.sqrt(_PASSING) * passing)


def _normal(numbers: Numbers, salt: int) -> Floats:
    return np.asarray(ndtri(_uniform(numbers, salt)), dtype=np.float64)


def _uniform(numbers: Numbers, salt: int) -> Floats:
    """Between 0 and 1, both excluded."""
    return ((_hash(numbers, salt) >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53


def _hash(numbers: Numbers, salt: int) -> Numbers:
    """Mix number and salt (SplitMix64; Steele, Lea and Flood 2014): random access, where a generator has a sequence."""
    with np.errstate(over="ignore"):
        state = numbers * np.uint64(0xD1342543DE82EF95) + np.uint64((salt + 1) * 0x9E3779B97F4A7C15 % 2**64)
        for _ in range(2):
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return state

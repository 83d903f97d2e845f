"""Plausible input for the pages, from a seeded generator: eight quarters, own ids, segments that drift."""

import functools
import hashlib
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from orchestration.core.profile import profile_counts
from orchestration.core.profile_store import Delivery, compared
from orchestration.student_performance.lab_page import read_versions
from orchestration.student_performance.pages_input import Demographic, PagesData, Subject

SUBJECTS = (
    Subject("math", "Mathematics", "mathematics"),
    Subject("reading", "Reading", "languages"),
    Subject("writing", "Writing", "languages"),
)
DEMOGRAPHICS = (
    Demographic("gender", "Gender", ("female", "male")),
    Demographic("race_ethnicity", "Race or ethnicity", tuple(f"group {letter}" for letter in "ABCDE")),
    Demographic(
        "parental_level_of_education",
        "Parents' education",
        (
            "some high school",
            "high school",
            "some college",
            "associate's degree",
            "bachelor's degree",
            "master's degree",
        ),
    ),
    Demographic("lunch", "Lunch", ("free/reduced", "standard")),
    Demographic("test_preparation_course", "Test preparation", ("none", "completed")),
)
LABELS = (
    "Strong in all three",
    "Languages well ahead of mathematics",
    "Mathematics ahead of languages",
    "Close to the average in all three",
    "Low in all three",
)
SCHEMES = {
    "ten_point": [(low, low + 10, f"{low}-{low + 9 if low < 90 else 100}") for low in range(0, 100, 10)],
    "us_letter": [(90, 100, "A"), (80, 90, "B"), (70, 80, "C"), (60, 70, "D"), (0, 60, "F")],
}
QUARTERS = ("2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1", "2026Q2", "2026Q3", "2026Q4")
BUILT_AT = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)


def _students(quarter: str, index: int, size: int, own_ids: bool, hostile: str | None) -> pd.DataFrame:
    random = np.random.default_rng([20261122, index])
    shares = {
        "gender": [0.52, 0.48],
        "race_ethnicity": [0.09, 0.19, 0.32, 0.26, 0.14],
        "parental_level_of_education": [0.18, 0.2, 0.22, 0.22, 0.12, 0.06],
        "lunch": [0.36, 0.64],
        "test_preparation_course": [0.64, 0.36],
    }
    frame = pd.DataFrame({d.name: random.choice(d.values, size, p=shares[d.name]) for d in DEMOGRAPHICS})
    base = random.normal(64 + index * 0.4, 13, size)
    base += np.where(frame["lunch"] == "standard", 3.0, -5.4) + np.where(
        frame["test_preparation_course"] == "completed", 4.2, -2.4
    )
    tilt = np.where(frame["gender"] == "female", 4.0, -4.0)
    for subject, lean in zip(SUBJECTS, (-0.7, 0.8, 0.9), strict=True):
        score = base + tilt * lean + random.normal(0, 4.5, size) + (1.2 if subject.name == "reading" else 0)
        frame[f"{subject.name}_score"] = np.clip(np.round(score), 0, 100)
    scores = frame[[f"{s.name}_score" for s in SUBJECTS]]
    frame["mean_score"] = scores.mean(axis=1)
    frame["is_pass"] = (scores >= 40).all(axis=1)
    mean, gap = frame["mean_score"], frame["math_score"] - frame[["reading_score", "writing_score"]].mean(axis=1)
    frame["cluster_id"] = np.select([mean >= 78, mean < 50, gap < -6, gap > 6], [1, 5, 2, 3], 4)
    if hostile:
        frame.loc[: size // 10, "race_ethnicity"] = hostile
    frame["quarter"] = quarter
    frame["student_id"] = [f"S{number:05}" for number in random.permutation(size + 60)[:size]] if own_ids else None
    return frame


def _bins(scores: pd.Series) -> list[int]:
    return [int(n) for n in np.bincount(np.minimum(scores // 10, 9).astype(int), minlength=10)]


def _cube(students: pd.DataFrame) -> pd.DataFrame:
    rows = []
    keys = ["quarter", *(d.name for d in DEMOGRAPHICS)]
    for values, group in students.groupby(keys):
        row = dict(zip(keys, values, strict=True))
        row |= {"student_count": len(group), "pass_count": int(group["is_pass"].sum())}
        row |= {f"{s.name}_score_sum": float(group[f"{s.name}_score"].sum()) for s in SUBJECTS}
        row["mean_score_sum"] = float(group["mean_score"].sum())
        row |= {f"{s.name}_range_counts": _bins(group[f"{s.name}_score"]) for s in SUBJECTS}
        rows.append(row | {"overall_range_counts": _bins(group["mean_score"])})
    return pd.DataFrame(rows)


def _ranges(students: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for quarter, everybody in students.groupby("quarter"):
        slices = [("all", "all", everybody)]
        slices += [(d.name, str(v), part) for d in DEMOGRAPHICS for v, part in everybody.groupby(d.name)]
        for subject in (*(s.name for s in SUBJECTS), "overall"):
            column = "mean_score" if subject == "overall" else f"{subject}_score"
            edges = np.linspace(everybody[column].min(), everybody[column].max(), 11)
            width = [(a, b, f"{a:.1f}-{b:.1f}") for a, b in itertools.pairwise(edges)]
            for dimension, value, part in slices:
                for scheme, bounds in {**SCHEMES, "equal_width": width}.items():
                    for order, (low, high, label) in enumerate(bounds, start=1):
                        is_last = high == max(bound[1] for bound in bounds)
                        inside = part[column].between(low, high, inclusive="both" if is_last else "left")
                        rows.append(
                            _range(quarter, dimension, value, subject, scheme, order, label, low, high, inside, part)
                        )
        for dimension, value, part in slices:
            grades = np.where(~part["is_pass"], "F", np.select(
                [part["mean_score"] >= b for b in (80, 70, 60, 50)], ["A", "B", "C", "D"], "E"))  # fmt: skip
            for order, (label, low) in enumerate(zip("ABCDEF", (80, 70, 60, 50, 40, 0), strict=True), start=1):
                inside = pd.Series(grades == label, index=part.index)
                rows.append(
                    _range(quarter, dimension, value, "overall", "kaggle_grade", order, label, low, None, inside, part)
                )
    return pd.DataFrame(rows)


def _range(quarter, dimension, value, subject, scheme, order, label, low, high, inside, part):
    return {
        "quarter": quarter, "dimension": dimension, "dimension_value": value, "subject": subject,
        "range_scheme": scheme, "range_order": order, "range_label": label, "lower_bound": low, "upper_bound": high,
        "student_count": int(inside.sum()), "student_pct": 100 * inside.mean(),
        "mean_score": part.loc[inside, "mean_score"].mean(),
    }  # fmt: skip


def _segments(students: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for index, (quarter, everybody) in enumerate(students.groupby("quarter")):
        for cluster, group in everybody.groupby("cluster_id"):
            means = {f"{s.name}_mean_score": float(group[f"{s.name}_score"].mean()) for s in SUBJECTS}
            figures = ", ".join(f"{s.label.lower()} {means[f'{s.name}_mean_score']:.1f}" for s in SUBJECTS)
            rows.append({
                "quarter": quarter, "cluster_id": cluster, "cluster_label": LABELS[cluster - 1],
                "reason": f"Mean scores: {figures}; the quarter's mean is {everybody['mean_score'].mean():.1f}.",
                "student_count": len(group), "student_pct": 100 * len(group) / len(everybody), **means,
                "pass_pct": 100 * group["is_pass"].mean(), "continues_cluster_id": cluster if index else None,
                "cluster_count": 5, "silhouette": 0.31 + index / 100, "inertia_ratio": 1.0021, "stability": 0.93,
            })  # fmt: skip
    return pd.DataFrame(rows)


def _moves(students: pd.DataFrame) -> pd.DataFrame:
    columns = ["quarter", "previous_cluster_label", "cluster_label", "move", "student_count"]
    frames = []
    for previous, current in itertools.pairwise(sorted(students["quarter"].unique())):
        sides = [students[students["quarter"] == q].set_index("student_id")["cluster_id"] for q in (previous, current)]
        both = pd.concat(sides, axis=1, keys=["before", "after"]).reset_index()
        # Independent draws move nearly everybody; most stay, as in life.
        stays = both["student_id"].str[-1].isin(list("01234567")) & both["before"].notna() & both["after"].notna()
        both.loc[stays, "after"] = both.loc[stays, "before"]
        both["move"] = np.select(
            [both["before"].isna(), both["after"].isna(), both["before"] == both["after"]],
            ["joined", "left", "stayed"],
            "moved",
        )
        for old, new in (("before", "previous_cluster_label"), ("after", "cluster_label")):
            both[new] = both[old].map(lambda c: None if pd.isna(c) else LABELS[int(c) - 1]).astype(object)
        counted = both.groupby(columns[1:4], dropna=False).size().reset_index(name="student_count")
        frames.append(counted.assign(quarter=current)[columns])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


@functools.cache
def pages_data(
    quarters: tuple[str, ...] = QUARTERS,
    size: int = 1000,
    own_ids: bool = True,
    source: str = "sample",
    hostile: str | None = None,
    file_name: str | None = None,
) -> PagesData:
    """Return PagesData; `hostile` becomes a category of race_ethnicity, `file_name` the name of every file."""
    students = pd.concat([_students(q, i, size, own_ids, hostile) for i, q in enumerate(quarters)], ignore_index=True)
    files, accounts, rejected, stages, summary = [], [], [], [], []
    for index, quarter in enumerate(quarters):
        sha256 = hashlib.sha256(quarter.encode()).hexdigest()
        name = file_name or f"exam_results_{quarter}.csv"
        received = BUILT_AT - timedelta(days=91 * (len(quarters) - 1 - index), minutes=10)
        reasons = {"missing_value": 3 + index % 3, "out_of_range": 2, "unknown_category": index % 2}
        bad = sum(reasons.values())
        part = students[students["quarter"] == quarter]
        files.append({"source_file_id": sha256[:16], "domain": "student_performance", "name": name, "sha256": sha256,
                      "bytes": 72_000 + index, "source": source, "received_at": received})  # fmt: skip
        accounts.append({"domain": "student_performance", "quarter": quarter, "source_file_id": sha256[:16],
                         "rows_read": size + bad, "rows_trusted": size, "rows_quarantined": bad,
                         "quarantined_by_reason": {k: v for k, v in reasons.items() if v}, "repeated_rows": 0,
                         "recorded_at": received})  # fmt: skip
        column = {"missing_value": "lunch", "out_of_range": "math_score", "unknown_category": "gender"}
        rejected += [{"quarter": quarter, "source_file_id": sha256[:16], "reason": reason,
                      "column_name": column[reason], "line_count": n} for reason, n in reasons.items() if n]  # fmt: skip
        for offset, stage in enumerate(("etl", "ml", "publish")):
            failed = index == 2 and stage == "publish"
            start = received + timedelta(seconds=20 * offset)
            stages.append({"domain": "student_performance", "quarter": quarter, "stage": stage,
                           "status": "failed" if failed else "succeeded", "run_id": f"7c0f4f0e-{index}",
                           "started_at": start, "finished_at": start + timedelta(seconds=3.4 + offset),
                           "rows_in": size + bad if stage == "etl" else size, "rows_out": None if failed else size,
                           "error": "The built pages failed a check: status.html leads nowhere." if failed else None})  # fmt: skip
        means = {f"{s.name}_mean_score": part[f"{s.name}_score"].mean() for s in SUBJECTS}
        summary.append({"quarter": quarter, "source": source, "file_name": name, "source_file_id": sha256[:16],
                        "received_at": received, "rows_read": size + bad, "rows_trusted": size,
                        "rows_quarantined": bad, "student_count": size, "pass_count": int(part["is_pass"].sum()),
                        "pass_pct": 100 * part["is_pass"].mean(), "mean_score": part["mean_score"].mean(),
                        **means})  # fmt: skip
    keys = ["quarter", *(d.name for d in DEMOGRAPHICS), "cluster_id"]
    moves = _moves(students)
    dictionary = [
        {"table_name": table, "table_description": f"One row a {grain}.", "column_name": column,
         "data_type": kind, "description": text}
        for table, grain in (("rpt_quarters", "quarter"), ("fct_score_ranges", "quarter, subject, scheme and range"))
        for column, kind, text in (("quarter", "text", "The quarter, such as 2026Q4."),
                                   ("student_count", "bigint", "Number of students."))
    ]  # fmt: skip
    return PagesData(
        subjects=SUBJECTS,
        demographics=tuple(replace(d, values=tuple(d.values)) for d in DEMOGRAPHICS),
        score_minimum=0,
        score_maximum=100,
        pass_mark=40,
        definitions=(),
        quarters=pd.DataFrame(summary),
        score_ranges=_ranges(students),
        exam_cube=_cube(students),
        segment_cube=students.groupby(keys).size().reset_index(name="student_count"),
        segments=_segments(students),
        segment_moves=moves if own_ids else moves.iloc[0:0],
        rejected=pd.DataFrame(rejected),
        exam_outcomes=_outcomes(students),
        lab_versions=read_versions(),
        row_accounts=pd.DataFrame(accounts),
        stage_status=pd.DataFrame(stages),
        landing_files=pd.DataFrame(files),
        dictionary=pd.DataFrame(dictionary),
        run_id="7c0f4f0e-5a1c-4b77-9d3a-2f6f1f2b9a10",
        built_at=BUILT_AT,
        deliveries=_deliveries(students, files),
    )


def _outcomes(students: pd.DataFrame) -> pd.DataFrame:
    """Of passing alone: in every subject, and on the mean."""
    scores = students[[f"{s.name}_score" for s in SUBJECTS]]
    said = {
        "every_subject@1": np.where(students["is_pass"], "passed", "failed"),
        "mean@1": np.where(students["mean_score"] >= 40, "passed", "failed"),
    }
    judged = students[["quarter", "mean_score"]].assign(
        definition="pass",
        outcomes=[
            ", ".join(f"{name}={outcome}" for name, outcome in zip(said, row, strict=True))
            for row in zip(*said.values(), strict=True)
        ],
        is_on_bound=(scores.min(axis=1) == 40) | (students["mean_score"] == 40),
        lowest_score=scores.min(axis=1),
    )
    return judged.groupby(["quarter", "definition", "outcomes", "is_on_bound"], as_index=False).agg(
        student_count=("mean_score", "size"),
        lowest_mean_score=("mean_score", "min"),
        highest_mean_score=("mean_score", "max"),
        lowest_subject_score=("lowest_score", "min"),
        highest_subject_score=("lowest_score", "max"),
    )


def _deliveries(students: pd.DataFrame, files: list[dict[str, object]]) -> list[Delivery]:
    columns = [*(d.name for d in DEMOGRAPHICS), *(f"{s.name}_score" for s in SUBJECTS)]
    found = []
    for (quarter, part), file in zip(students.groupby("quarter"), files, strict=True):
        counts = {column: part[column].astype(str).value_counts().to_dict() for column in columns}
        profile = profile_counts(counts, len(part))
        found.append(
            Delivery("exam results", quarter, file["source_file_id"], file["name"], file["received_at"], profile)
        )
    return compared(found)

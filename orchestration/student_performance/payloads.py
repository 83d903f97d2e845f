"""The aggregates that a page's filters work on, as plain values for JSON: by column, categories as indices."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from orchestration.core.site_format import plain
from orchestration.student_performance.pages_input import PagesData
from orchestration.student_performance.reading import quarters_loaded, why_no_moves

NOT_GIVEN = "not given"
OVERALL = "overall"
SCHEME_LABELS = {
    "ten_point": "Ten-point ranges",
    "equal_width": "Ten equal-width ranges",
    "us_letter": "US letters",
    "kaggle_grade": "Kaggle grades",
}
SCHEME_CHOICES = {
    "ten_point": "Ten-point",
    "equal_width": "Equal-width",
    "us_letter": "US letters",
    "kaggle_grade": "Kaggle grade",
}


def demographic_values(data: PagesData) -> dict[str, list[str]]:
    """Return each demographic's values, listed or seen: the contract's order, others by name, `not given` last."""
    values = {}
    for demographic in data.demographics:
        seen = {_category(value) for value in data.exam_cube[demographic.name].unique()}
        listed = [str(value) for value in demographic.values]
        others = sorted(seen - set(listed) - {NOT_GIVEN})
        values[demographic.name] = listed + others + ([NOT_GIVEN] if NOT_GIVEN in seen else [])
    return values


def _category(value: Any) -> str:
    known = plain(value)
    return NOT_GIVEN if known is None or known == "" else str(known)


def _indices(column: pd.Series, values: Sequence[str]) -> list[int]:
    position = {value: index for index, value in enumerate(values)}
    codes, distinct = pd.factorize(column, use_na_sentinel=False)
    indices = [position[_category(value)] for value in distinct]
    return [indices[code] for code in codes]


def _shared(data: PagesData) -> dict[str, Any]:
    values = demographic_values(data)
    return {
        "quarters": quarters_loaded(data),
        "subjects": [{"name": s.name, "label": s.label} for s in data.subjects],
        "demographics": [{"name": d.name, "label": d.label, "values": values[d.name]} for d in data.demographics],
        "score": {
            "minimum": plain(data.score_minimum),
            "maximum": plain(data.score_maximum),
            "pass_mark": plain(data.pass_mark),
        },
    }


def _cube(frame: pd.DataFrame, shared: dict[str, Any]) -> dict[str, Any]:
    return {
        "quarter": _indices(frame["quarter"], shared["quarters"]),
        "groups": {d["name"]: _indices(frame[d["name"]], d["values"]) for d in shared["demographics"]},
        "students": [plain(value) for value in frame["student_count"]],
    }


def results_payload(data: PagesData) -> dict[str, Any]:
    """Return the exam cube, and the counts of range schemes that cannot be computed from it."""
    shared = _shared(data)
    frame = data.exam_cube.sort_values(["quarter", *(d.name for d in data.demographics)], na_position="last")
    measures = [s.name for s in data.subjects]
    cube = _cube(frame, shared) | {
        "passed": [plain(value) for value in frame["pass_count"]],
        "sums": {m: [plain(value) for value in frame[f"{m}_score_sum"].map(_rounded)] for m in measures}
        | {OVERALL: [plain(value) for value in frame["mean_score_sum"].map(_rounded)]},
        "bins": {m: [plain(value) for value in frame[f"{m}_range_counts"]] for m in (*measures, OVERALL)},
    }
    return shared | {"cube": cube, "schemes": _schemes(data, shared)}


def _rounded(value: Any) -> float | None:
    known = plain(value)
    return None if known is None else round(known, 4)


def _schemes(data: PagesData, shared: dict[str, Any]) -> list[dict[str, Any]]:
    """Every scheme with either `merge` (which ten-point ranges make each range) or `tables` (its own counts).

    Whether a scheme is a merging of the ten-point ranges is not assumed from its bounds but seen in its counts: they
    must agree for every quarter and measure. A rule that looks at more than one score, such as an F for any failed
    subject, does not agree and keeps its own counts, which exist for everybody and for one group at a time.
    """
    ranges = data.score_ranges
    made = []  # ranges stand from the lowest scores to the highest, whichever way a scheme numbers them
    for name in [*SCHEME_LABELS, *sorted(set(ranges["range_scheme"]) - set(SCHEME_LABELS))]:
        own = ranges[ranges["range_scheme"] == name]
        own = own.sort_values(["quarter", "subject", "lower_bound", "range_order"], na_position="first")
        if own.empty:
            continue
        measures = [m for m in (*(s["name"] for s in shared["subjects"]), OVERALL) if (own["subject"] == m).any()]
        scheme: dict[str, Any] = {"name": name, "label": SCHEME_LABELS.get(name, name), "measures": measures}
        merge = _merge(own, ranges)
        made.append(scheme | ({"merge": merge} if merge else {"tables": _tables(own)}))
    return made


def _merge(own: pd.DataFrame, ranges: pd.DataFrame) -> dict[str, Any] | None:
    everybody = own[own["dimension"] == "all"]
    bounds = everybody[["range_label", "range_order", "lower_bound"]].drop_duplicates().sort_values("lower_bound")
    lows = [plain(value) for value in bounds["lower_bound"]]
    if len(bounds) != bounds["range_order"].nunique() or any(low is None or low % 10 for low in lows):
        return None
    starts = sorted(lows)
    groups = {low: [b for b in range(10) if max((s for s in starts if s <= b * 10), default=-1) == low] for low in lows}
    ten = ranges[(ranges["range_scheme"] == "ten_point") & (ranges["dimension"] == "all")]
    counted = {(quarter, subject, int(plain(low)) // 10): int(plain(n)) for quarter, subject, low, n in _counts(ten)}
    for quarter, subject, low, n in _counts(everybody):
        if sum(counted.get((quarter, subject, b), 0) for b in groups[plain(low)]) != int(n):
            return None
    return {"labels": list(bounds["range_label"]), "groups": [groups[low] for low in lows]}


def _counts(ranges: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    columns = ("quarter", "subject", "lower_bound", "student_count")
    return zip(*(ranges[name].tolist() for name in columns), strict=True)


def _tables(own: pd.DataFrame) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    columns = ("quarter", "subject", "range_label", "dimension", "dimension_value", "student_count")
    for quarter, subject, label, dimension, value, number in zip(
        *(own[name].tolist() for name in columns), strict=True
    ):
        table = tables.setdefault(quarter, {}).setdefault(subject, {"labels": [], "counts": {}})
        if dimension == "all":
            table["labels"].append(label)
        table["counts"].setdefault(dimension, {}).setdefault(_category(value), []).append(int(number))
    return tables


def segments_payload(data: PagesData) -> dict[str, Any]:
    """Segments, who is in them and moves between them, for every quarter."""
    shared = _shared(data)
    frame = data.segment_cube.sort_values(["quarter", *(d.name for d in data.demographics), "cluster_id"])
    frame = frame[frame["quarter"].isin(shared["quarters"])]
    cube = _cube(frame, shared) | {"cluster": [plain(value) for value in frame["cluster_id"]]}
    segments: dict[str, list[dict[str, Any]]] = {quarter: [] for quarter in shared["quarters"]}
    for row in data.segments.sort_values(["quarter", "cluster_id"]).to_dict("records"):
        if row["quarter"] in segments:
            segments[row["quarter"]].append({str(key): plain(value) for key, value in row.items() if key != "quarter"})
    labels: dict[tuple[Any, Any], str] = {
        (q, s["cluster_id"]): s["cluster_label"] for q, rows in segments.items() for s in rows
    }
    for index, quarter in enumerate(shared["quarters"]):
        for segment in segments[quarter]:
            before = shared["quarters"][index - 1] if index else None
            segment["continues_label"] = labels.get((before, segment["continues_cluster_id"]))
    moves: dict[str, list[dict[str, Any]]] = {}
    for row in data.segment_moves.to_dict("records"):
        moves.setdefault(row["quarter"], []).append({str(k): plain(v) for k, v in row.items() if k != "quarter"})
    means: dict[str, Any] = {
        row["quarter"]: {s.name: plain(row[f"{s.name}_mean_score"]) for s in data.subjects}
        for row in data.quarters.to_dict("records")
    }
    notes = {quarter: why_no_moves(data, quarter) for quarter in shared["quarters"]}
    return shared | {"cube": cube, "segments": segments, "moves": moves, "why_no_moves": notes, "means": means}

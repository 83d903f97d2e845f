"""What the pages without filters show: status, quality and about, and the opening of segments."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from orchestration.core.figures import FigureId, marked, sentence
from orchestration.core.profile_store import delivery_views
from orchestration.core.site_format import count, decimal, duration, percent, plain, quarter_label
from orchestration.student_performance.figures import figure_of
from orchestration.student_performance.pages_input import Definition, PagesData
from orchestration.student_performance.reading import quarters_loaded, why_no_moves, written_reading

STAGES = {"etl": "Load and check", "ml": "Find segments", "publish": "Publish pages"}
REASONS = {
    "wrong_field_count": "Wrong number of fields",
    "missing_value": "Missing value",
    "not_a_number": "Not a number",
    "out_of_range": "Score out of range",
    "unknown_category": "Unknown category",
    "repeated_id": "Repeated student id",
}
SOURCES = {
    "kaggle": "downloaded from Kaggle",
    "file": "from a file of the office",
    "sample": "generated sample, not real students",
}

WHOLE_LINE = "whole line"


def _records(frame: Any) -> list[dict[str, Any]]:
    return [{str(key): plain(value) for key, value in row.items()} for row in frame.to_dict("records")]


def stages(data: PagesData, quarter: str) -> list[dict[str, Any]]:
    """Each stage of a quarter in order; a stage without a row is waiting.

    The publish stage of the newest quarter is running while these pages are built, and is shown as what it is.
    """
    known = {row["stage"]: row for row in _records(data.stage_status[data.stage_status["quarter"] == quarter])}
    made = []
    for name, label in STAGES.items():
        row = known.get(name)
        if row is None:
            made.append(_stage(label, "pending", "not started"))
            continue
        started, finished = row["started_at"], row["finished_at"]
        # The pages are as old as whole seconds say, and publishing may have begun a little later.
        seconds = max(0.0, (finished - started).total_seconds()) if started and finished else None
        parts = []
        if row["rows_in"] is not None or row["rows_out"] is not None:
            parts.append(f"{count(row['rows_in'])} rows in, {count(row['rows_out'])} out")
        if seconds is not None:
            parts.append(duration(seconds))
        if name == "publish" and row["status"] == "running":
            parts = ["it was building these pages"]
        if row["status"] == "pending":
            parts = ["not started"]
        made.append(_stage(label, row["status"], " · ".join(parts), row["error"], row["run_id"], started))
    return made


def _stage(
    label: str, status: str, note: str, error: str | None = None, run_id: str | None = None, started: Any = None
) -> dict[str, Any]:
    return {
        "label": label,
        "status": status,
        "note": note,
        "error": error,
        "run_id": run_id or "—",
        "started": started,
    }


def status_page(data: PagesData) -> dict[str, Any]:
    """Return the table of stages, newest quarter first, and a headline that names what failed."""
    quarters = sorted(set(data.stage_status["quarter"]) | set(quarters_loaded(data)), reverse=True)
    shown = [(known, stages(data, known)) for known in quarters]
    rows = [{"quarter": known, "stages": made} for known, made in shown]
    failed = [(known, stage) for known, made in shown for stage in made if stage["status"] == "failed"]
    if failed:
        headline = f"{len(failed)} {'stage has' if len(failed) == 1 else 'stages have'} failed"
        named = [f"{stage['label']} of {quarter_label(known)}" for known, stage in failed]
        standfirst = f"{'; '.join(named)}. The reason stands beside each; pages keep the last good state."
    else:
        headline = "No stage has failed"
        standfirst = f"From the file to these pages, for {len(rows)} {'quarter' if len(rows) == 1 else 'quarters'}."
    return {"headline": headline, "standfirst": standfirst, "rows": rows, "stage_labels": list(STAGES.values())}


def quality_page(data: PagesData, quarter: str) -> dict[str, Any]:
    """Row accounts, quarantine by reason and column, and files."""
    names = dict(zip(data.landing_files["source_file_id"], data.landing_files["name"], strict=True))
    accounts = _records(data.row_accounts.sort_values(["quarter", "source_file_id"], ascending=[False, True]))
    current = set(zip(data.quarters["quarter"], data.quarters["source_file_id"], strict=True))
    for row in accounts:
        row["is_current"] = (row["quarter"], row["source_file_id"]) in current
        row["file_name"] = names.get(row["source_file_id"], row["source_file_id"])
        row["quarantined_pct"] = 100 * row["rows_quarantined"] / row["rows_read"] if row["rows_read"] else None
        row["balances"] = row["rows_read"] == row["rows_trusted"] + row["rows_quarantined"]
        why = row["quarantined_by_reason"] or {}
        told = [
            sentence(
                "{} {}",
                REASONS.get(reason, reason).lower(),
                marked(count(number), _of(row, "row_reasons", "line_count", reason)),
            )
            for reason, number in sorted(why.items())
            if number
        ]
        row["why"] = Markup(", ").join(told) or "—"
        row["quarantined_share"] = marked(
            percent(row["quarantined_pct"]), _of(row, "row_shares", "rows_quarantined_pct")
        )
    now = [row for row in accounts if row["quarter"] == quarter]
    read, trusted, set_aside = (
        sum(row[column] for row in now) for column in ("rows_read", "rows_trusted", "rows_quarantined")
    )
    share = 100 * set_aside / read if read else None

    def shown(column: str, table: str = "quarters") -> FigureId | None:
        # Where the quarter had several files, this is of them all and no figure of the quarter's own.
        return figure_of(table, quarter, column) if len(now) == 1 else None

    def rows(column: str, number: int) -> Any:
        return marked(count(number), shown(column))

    trusted_share = marked(percent(100 * trusted / read if read else None), shown("rows_trusted_pct", "row_shares"))
    quarantined_share = marked(percent(share), shown("rows_quarantined_pct", "row_shares"))
    unbalanced = [row for row in accounts if not row["balances"]]
    headline: str = sentence(
        "{} of {} rows of {} were accepted",
        rows("rows_trusted", trusted),
        rows("rows_read", read),
        quarter_label(quarter),
    )
    if unbalanced:
        headline = f"{len(unbalanced)} row account(s) do not balance"
    return {
        "headline": headline,
        "standfirst": sentence(
            "{} were set aside with a reason ({}). Each line read is accounted for.",
            rows("rows_quarantined", set_aside),
            quarantined_share,
        ),
        "tiles": [
            _tile("Rows read", count(read), f"{len(now)} {'file' if len(now) == 1 else 'files'}", shown("rows_read")),
            _tile("Trusted", count(trusted), trusted_share, shown("rows_trusted")),
            _tile("Quarantined", count(set_aside), quarantined_share, shown("rows_quarantined")),
            _tile("Accounts that balance", f"{len(accounts) - len(unbalanced)} of {len(accounts)}", "every file"),
        ],
        "accounts": accounts,
        "reasons": _reasons(data),
        "quarters": quarters_loaded(data),
        "files": _records(data.landing_files.sort_values("received_at", ascending=False)),
        "deliveries": delivery_views(data.deliveries),
    }


def _of(row: Mapping[str, Any], table: str, column: str, *key: str) -> FigureId | None:
    """The figure of an account's quarter, where the account is of the file that the quarter is made of."""
    return figure_of(table, row["quarter"], column, *key) if row["is_current"] else None


def _tile(label: str, value: str, note: str, figure: FigureId | None = None) -> dict[str, Any]:
    return {"label": label, "value": value, "note": note, "tone": "", "figure": figure}


def _reasons(data: PagesData) -> list[dict[str, Any]]:
    quarters = quarters_loaded(data)
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in _records(data.rejected):
        counts = found.setdefault((row["reason"], row["column_name"] or WHOLE_LINE), {})
        counts[row["quarter"]] = counts.get(row["quarter"], 0) + row["line_count"]
    rows = [
        {
            "label": REASONS.get(reason, reason),
            "column": column,
            "reason": reason,
            "column_name": "" if column == WHOLE_LINE else column,
            "counts": [counts.get(known, 0) for known in quarters],
            "total": sum(counts.values()),
        }
        for (reason, column), counts in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["total"], row["label"], row["column"]))


def segments_opening(data: PagesData, quarter: str) -> dict[str, str]:
    """Return the headline of the segments page and a sentence on change."""
    rows = data.segments[data.segments["quarter"] == quarter].sort_values("student_pct", ascending=False)
    if rows.empty:
        return {
            "headline": f"No segments for {quarter_label(quarter)}",
            "standfirst": "The clustering of this quarter has not succeeded; the status page says why.",
        }
    first = rows.iloc[0]
    told = [s for s in written_reading(data, quarter).sentences if s.startswith(("Of ", "Since "))]
    headline = sentence(
        "“{}”: the largest of {} segments, {} of students",
        first["cluster_label"],
        marked(count(len(rows)), figure_of("segment_counts", quarter, "segment_count")),
        marked(percent(first["student_pct"]), figure_of("segments", quarter, "student_pct", first["cluster_id"])),
    )
    return {"headline": headline, "standfirst": told[-1] if told else why_no_moves(data, quarter) or ""}


def about_page(data: PagesData) -> dict[str, Any]:
    """Return sources, definitions and the dictionary."""
    rows = _records(data.quarters.sort_values("quarter", ascending=False))
    for row in rows:
        row["source_text"] = SOURCES.get(row["source"], row["source"])
    tables: dict[str, dict[str, Any]] = {}
    for column in _records(data.dictionary):
        table = tables.setdefault(
            column["table_name"],
            {"name": column["table_name"], "description": column["table_description"] or "", "columns": []},
        )
        table["columns"].append(column)
    labels = [d.label for d in data.demographics]
    return {
        "source_rows": rows,
        "quarter_count": len(rows),
        "definitions": data.definitions or standard_definitions(data),
        "tables": [tables[name] for name in sorted(tables)],
        "demographic_names": ", ".join([labels[0], *(label.lower() for label in labels[1:])]) if labels else "Groups",
    }


def standard_definitions(data: PagesData) -> Sequence[Definition]:
    """Return the words of these pages, with the contract's bounds."""
    mark = decimal(data.pass_mark, 0)
    return (
        Definition("Passed", f"A score of at least {mark} in every subject."),
        Definition("Mean, all subjects", "The mean of a student's subject scores, then the mean over students."),
        Definition("Ten-point ranges", "0-9, 10-19 and so on; the last holds 90 to 100."),
        Definition(
            "Ten equal-width ranges",
            "Ten ranges of the same width between the lowest and highest score of the quarter, for each subject. "
            "Their bounds change with the quarter, so quarters are not compared range by range.",
        ),
        Definition("US letters", "A from 90, B from 80, C from 70, D from 60, F below."),
        Definition(
            "Kaggle grade",
            f"The rule common for this data set: F where any subject is below {mark}; otherwise by the mean, "
            "A from 80, B from 70, C from 60, D from 50, E from 40.",
        ),
        Definition("Segment", "Students with similar scores, found by clustering; named for its mean scores."),
        Definition("Stayed, moved", "In the segment that continues last quarter's one, or in another."),
        Definition("Quarantined", "A row that breaks the contract: kept with its reason, counted in no figure."),
        Definition("Percentage points (pts)", "The difference between two percentages."),
    )

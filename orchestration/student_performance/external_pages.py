"""Assemble the external edition: a few pages made of nothing but protected figures, and two downloads."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from orchestration.core.disclosure import ALL, STUDENTS, Cell, Group, Rules
from orchestration.core.disclosure_page import numbers_in
from orchestration.core.external_figures import HIDDEN, MeasureTable, Shown, shown_count, shown_share
from orchestration.core.site import SiteBuilder, SiteFacts, environment
from orchestration.core.site_downloads import write_download
from orchestration.core.site_format import decimal
from orchestration.student_performance.external import (
    GRADE,
    PASSED,
    SEGMENT,
    SMALLEST_QUARTER,
    ExternalQuarter,
    groups_table,
    results_table,
)
from orchestration.student_performance.pages_input import Definition, PagesData
from orchestration.student_performance.payloads import demographic_values
from orchestration.student_performance.static_views import standard_definitions

NAVIGATION = (
    ("index.html", "Overview"),
    ("results.html", "Results"),
    ("segments.html", "Segments"),
    ("about.html", "About"),
)
TEMPLATES = Path(__file__).parent / "templates"
# Of the definitions, those whose terms are on these pages.
TERMS = {"Score", "Mean score", "Pass", "Passed", "US letters", "Grade", "Kaggle grade", "Segment"}
COLUMNS = (
    Definition("quarter", "The quarter, such as 2026Q4."),
    Definition("dimension, dimension_value", "The group: a characteristic and its value; all is everybody."),
    Definition("measure, category", "A subject and a range of its scores, the grade, or the segment."),
    Definition("sum_of", "The categories that this one is the sum of; it comes on top of them."),
    Definition("lower_bound, upper_bound", "Lowest score of the range, and the score at which the next begins."),
    Definition("student_count", "Students, rounded; empty where hidden."),
    Definition("student_pct", "Share of the group, from the rounded counts; empty where hidden."),
    Definition("…_mean_score", "Mean score of the group in a subject, to the nearest whole; empty for small groups."),
    Definition("note", "Why there is no count: suppressed, or the end of the scale at which the share lies."),
)


@dataclass(frozen=True)
class GroupRow:
    """A group's own figures."""

    label: str
    dimension: str
    dimension_value: str
    students: Shown
    passed: Shown
    means: Sequence[Shown]


@dataclass(frozen=True)
class ShareRow:
    """A group in the table of a measure: its share in each category."""

    label: str
    dimension: str
    dimension_value: str
    shares: Sequence[Shown]


@dataclass(frozen=True)
class Block:
    """The rows of one demographic, of either kind; the label is empty for everybody."""

    label: str
    rows: Sequence[Any]


def build_external_pages(
    data: PagesData,
    quarters: Sequence[ExternalQuarter],
    rules: Rules,
    folder: Path,
    areas: Sequence[tuple[str, str]] = (),
) -> list[Path]:
    """Write the external edition into a new folder and return its files; the same data gives the same bytes.

    quarters: what `external_quarters` made of the data, at least one; figures come from there alone. areas: the first page of
    every part of the edition, for the navigation.
    """
    newest = quarters[-1]
    facts = {name: value for name, value in asdict(rules).items() if name != "minimum_width"}
    site = SiteFacts(
        product="Quarterdeck",
        title="Student performance",
        edition="External edition",
        quarter=newest.quarter,
        built_at=data.built_at,
        run_id="",
        files=[],
        navigation=NAVIGATION,
        sources=data.sources,
        areas=areas,
        disclosure={**facts, "smallest_quarter": SMALLEST_QUARTER * rules.minimum_count},
    )
    builder = SiteBuilder(folder, site, environment(TEMPLATES / "external", TEMPLATES))
    builder.shared_static()
    subjects = [subject.name for subject in data.subjects]
    write_download(folder, "results", "Results", results_table(quarters))
    write_download(folder, "groups", "Groups", groups_table(quarters, subjects))
    views = _Views(data)
    everybody = [(one, views.own(one, (), "All students")) for one in reversed(quarters)]
    builder.page(
        "index.html",
        now=everybody[0][1],
        history=everybody,
        subjects=data.subjects,
        segments=views.shares(newest, _categories(newest, SEGMENT), (), "All students").shares,
        passed_by=views.groups(newest),
    )
    measures = [*((subject.name, subject.label) for subject in data.subjects), (GRADE, "Grade")]
    builder.page(
        "results.html",
        subjects=data.subjects,
        quarters=[
            (one.quarter, views.groups(one), [views.table(one, *measure) for measure in measures])
            for one in reversed(quarters)
        ],
    )
    builder.page("segments.html", tables=[views.table(one, SEGMENT, "Segment") for one in reversed(quarters)])
    left_out = sorted(set(data.quarters["quarter"]) - {one.quarter for one in quarters})
    builder.page(
        "about.html",
        quarters=[one.quarter for one in reversed(quarters)],
        left_out=left_out,
        definitions=[
            item
            for item in data.definitions or standard_definitions(data)
            # A rule with scores that nobody can have is of another scale than this contract's.
            if item.term in TERMS and all(value <= data.score_maximum for value, _ in numbers_in(item.meaning))
        ],
        columns=COLUMNS,
    )
    builder.manifest()
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _categories(one: ExternalQuarter, measure: str) -> list[tuple[str, str]]:
    return [(measure, category) for category in one.about.categories[measure]]


class _Views:
    """Tables and rows of the pages, from protected figures alone."""

    def __init__(self, data: PagesData) -> None:
        self.data = data
        self.values = demographic_values(data)

    def groups(self, one: ExternalQuarter) -> list[Block]:
        """Every group with its own figures."""
        return self._blocks(one, partial(self.own, one))

    def table(self, one: ExternalQuarter, measure: str, label: str) -> MeasureTable:
        """Every group by the categories of a measure."""
        categories = _categories(one, measure)
        starts = [one.about.bounds.get(key, (None, None))[0] for key in categories]
        heads = [
            (name, "" if start is None else f"{start:g}") for (_, name), start in zip(categories, starts, strict=True)
        ]
        return MeasureTable(
            one.quarter, measure, label, heads, self._blocks(one, partial(self.shares, one, categories))
        )

    def _blocks(self, one: ExternalQuarter, row: Callable[[Group, str], Any]) -> list[Block]:
        known = {cell.group for cell in one.protected.figures}
        made = [Block("", [row((), "All students")])]
        for demographic in self.data.demographics:
            groups: list[Group] = [((demographic.name, value),) for value in self.values[demographic.name]]
            made.append(Block(demographic.label, [row(group, group[0][1]) for group in groups if group in known]))
        return made

    def own(self, one: ExternalQuarter, group: Group, label: str) -> GroupRow:
        """A group's own figures."""
        students = shown_count(one.figure(group, STUDENTS, ALL))
        place = students.dimension, students.dimension_value
        means = []
        for subject in self.data.subjects:
            mean = one.mean(group, subject.name)
            text = HIDDEN if mean is None else decimal(mean, 0)
            means.append(Shown(one.quarter, *place, subject.name, ALL, "mean_score", text))
        return GroupRow(
            label, *place, students, shown_share(one.protected, Cell(one.quarter, group, GRADE, PASSED)), means
        )

    def shares(self, one: ExternalQuarter, categories: Sequence[tuple[str, str]], group: Group, label: str) -> ShareRow:
        """A group's share in each category."""
        cells = [Cell(one.quarter, group, *key) for key in categories]
        return ShareRow(
            label, *(group[0] if group else (ALL, ALL)), [shown_share(one.protected, cell) for cell in cells]
        )

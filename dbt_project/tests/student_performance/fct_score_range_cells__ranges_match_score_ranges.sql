{{ config(meta={'dagster': {'ref': {'name': 'fct_score_range_cells'}}}) }}
-- What:       The cells' ten-point ranges hold as many students as the same ranges in fct_score_ranges.
-- Why:        The cells compute their range, the others look it up in the seed: two statements of one rule, which must agree, or the
--             clusters are of other ranges than the page shows.
-- How to fix: Make the macro ten_point_range and the ten_point rows of seeds/student_performance/score_ranges.csv say the same.
{%- set ranges = [] -%}
{%- for subject in var('subjects') -%}
    {%- do ranges.append([quoted(subject.name), 'cells.' ~ subject.name ~ '_range']) -%}
{%- endfor %}

with cells as (
    select * from {{ ref('fct_score_range_cells') }}
    where {{ in_requested_quarters('quarter') }}
),

score_ranges as (
    select * from {{ ref('fct_score_ranges') }}
    where
        range_scheme = 'ten_point'
        and dimension = 'all'
        and subject <> 'overall'
        and {{ in_requested_quarters('quarter') }}
),

cell_counts as (
    select
        cells.quarter,
        subjects.subject,
        subjects.lower_bound / 10 + 1 as range_order,
        sum(cells.student_count) as student_count
    from cells
    {{ lateral_rows(ranges, 'subjects', ['subject', 'lower_bound']) | indent(4) }}
    group by cells.quarter, subjects.subject, subjects.lower_bound
)

select
    score_ranges.quarter,
    score_ranges.subject,
    score_ranges.range_label,
    score_ranges.student_count,
    coalesce(cell_counts.student_count, 0) as cell_student_count
from score_ranges
left join cell_counts
    on
        score_ranges.quarter = cell_counts.quarter
        and score_ranges.subject = cell_counts.subject
        and score_ranges.range_order = cell_counts.range_order
where score_ranges.student_count <> coalesce(cell_counts.student_count, 0)

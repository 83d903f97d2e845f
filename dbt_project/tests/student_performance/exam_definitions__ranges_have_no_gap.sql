{{ config(meta={'dagster': {'ref': {'name': 'exam_definitions'}}}) }}
-- What:       The ranges of a version meet without gap or overlap from 0 to 100, and those named like ones of score_ranges have their bounds.
-- Why:        A student would have no outcome, or two; and the lab would tell of other grades than the pages show.
-- How to fix: Correct the bounds in seeds/student_performance/exam_definitions.csv; the rows below are the ranges that do not fit.
with definitions as (
    select * from {{ ref('exam_definitions') }}
),

score_ranges as (
    select * from {{ ref('score_ranges') }}
),

neighbours as (
    select
        *,
        lag(upper_bound, 1, 0) over (partition by definition, authority, version order by lower_bound) as end_of_previous,
        lag(includes_upper, 1, false) over (partition by definition, authority, version order by lower_bound) as previous_has_its_end,
        lead(lower_bound, 1, 100) over (partition by definition, authority, version order by lower_bound) as start_of_next,
        lead(includes_lower, 1, false) over (partition by definition, authority, version order by lower_bound) as next_has_its_start
    from definitions
)

select
    neighbours.definition,
    neighbours.authority,
    neighbours.version,
    neighbours.outcome,
    neighbours.lower_bound,
    neighbours.upper_bound
from neighbours
left join score_ranges
    on
        neighbours.outcome = score_ranges.range_label
        and (
            (neighbours.authority = 'kaggle' and score_ranges.range_scheme = 'kaggle_grade')
            or (neighbours.authority = 'us' and score_ranges.range_scheme = 'us_letter')
            or (neighbours.authority = 'ten_point' and score_ranges.range_scheme = 'ten_point')
        )
where
    neighbours.lower_bound <> neighbours.end_of_previous
    or neighbours.upper_bound <> neighbours.start_of_next
    or neighbours.lower_bound >= neighbours.upper_bound
    or neighbours.includes_lower = neighbours.previous_has_its_end
    or neighbours.includes_upper = neighbours.next_has_its_start
    or neighbours.lower_bound <> score_ranges.lower_bound
    or neighbours.upper_bound <> score_ranges.upper_bound

-- What:       Each range begins where the one before it ends, the first at 0 and the last ending at 100.
-- Why:        A score in a gap would be counted in no range, and one in an overlap twice; grades are looked up by lower bound.
-- How to fix: Correct the bounds in seeds/student_performance/score_ranges.csv; the rows below are the ranges that do not fit.
with score_ranges as (
    select * from {{ ref('score_ranges') }}
),

neighbours as (
    select
        range_scheme,
        range_order,
        lower_bound,
        upper_bound,
        lag(upper_bound, 1, 0) over (partition by range_scheme order by range_order) as end_of_previous,
        lead(lower_bound, 1, 100) over (partition by range_scheme order by range_order) as start_of_next
    from score_ranges
)

select
    range_scheme,
    range_order,
    lower_bound,
    upper_bound,
    end_of_previous,
    start_of_next
from neighbours
where
    lower_bound <> end_of_previous
    or upper_bound <> start_of_next
    or lower_bound >= upper_bound

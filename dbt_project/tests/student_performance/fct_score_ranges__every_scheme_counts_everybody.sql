-- What:       In every range scheme of a subject, the ranges of a dimension value hold the same number of students, and the values of a
--             dimension as many as everybody.
-- Why:        A score in no range, or in two, makes every share on the results page wrong.
-- How to fix: Compare the bounds in seeds/student_performance/score_ranges.csv with the contract's lowest and highest score.
with score_ranges as (
    select * from {{ ref('fct_score_ranges') }}
    where {{ in_requested_quarters('quarter') }}
),

counts as (
    select
        quarter,
        subject,
        dimension,
        range_scheme,
        sum(student_count) as student_count
    from score_ranges
    group by quarter, subject, dimension, range_scheme
)

select
    quarter,
    min(student_count) as lowest_count,
    max(student_count) as highest_count
from counts
group by quarter
having min(student_count) <> max(student_count)

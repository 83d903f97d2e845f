-- What:       Of a requested quarter's lines, no more than max_quarantined_pct percent are rejected.
-- Why:        So many rejected lines mean a damaged file or a changed format; every table that reads the lines is held back, so that
--             nothing is published from a remnant.
-- How to fix: Count this view's rows by reason and column_name for the quarter, and correct the file or the contract. Raise
--             max_quarantined_pct only when the lines are known to be wrong at the source.
with exam_lines as (
    select * from {{ ref('stg_student_performance__exam_lines') }}
    where {{ in_requested_quarters('quarter') }}
),

quarters as (
    select
        quarter,
        count(*) as line_count,
        count(reason) as rejected_count
    from exam_lines
    group by quarter
)

select
    quarter,
    line_count,
    rejected_count,
    round(100.0 * rejected_count / line_count, 2) as rejected_pct
from quarters
where 100.0 * rejected_count > {{ var('max_quarantined_pct') }} * line_count

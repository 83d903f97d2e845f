{{ config(meta={'dagster': {'ref': {'name': 'stg_student_performance__rejected_results'}}}) }}
-- What:       Of a requested quarter's lines, no more than max_quarantined_pct percent are rejected.
-- Why:        So many rejected lines mean a damaged file or a changed format; the accepted lines and all that is made of them are held
--             back, so that nothing is published from a remnant.
-- How to fix: Count this table's rows by reason and column_name for the quarter, and correct the file or the contract. Raise
--             max_quarantined_pct only when the lines are known to be wrong at the source.
with source_lines as (
    select * from {{ source('student_performance_raw', 'exam_results') }}
    where {{ in_requested_quarters('quarter') }}
),

rejected_results as (
    select * from {{ ref('stg_student_performance__rejected_results') }}
    where {{ in_requested_quarters('quarter') }}
),

lines as (
    select
        quarter,
        count(*) as line_count
    from source_lines
    group by quarter
),

rejected as (
    select
        quarter,
        count(*) as rejected_count
    from rejected_results
    group by quarter
)

select
    lines.quarter,
    lines.line_count,
    rejected.rejected_count,
    round(100.0 * rejected.rejected_count / lines.line_count, 2) as rejected_pct
from lines
inner join rejected
    on lines.quarter = rejected.quarter
where 100.0 * rejected.rejected_count > {{ var('max_quarantined_pct') }} * lines.line_count

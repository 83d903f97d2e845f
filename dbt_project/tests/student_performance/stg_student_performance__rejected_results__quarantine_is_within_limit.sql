{{ config(meta={'dagster': {'ref': {'name': 'stg_student_performance__rejected_results'}}}) }}
-- What:       Of a requested quarter's lines, no more than max_quarantined_pct percent are rejected.
-- Why:        So many rejected lines mean a damaged file or a changed format; the accepted lines and all that is made of them are held
--             back, so that nothing is published from a remnant.
-- How to fix: Count this table's rows by reason and column_name for the quarter, and correct the file or the contract. Raise
--             max_quarantined_pct only when the lines are known to be wrong at the source.
with source_files as (
    select * from {{ source('student_performance_raw', 'exam_files') }}
    where {{ in_requested_quarters('quarter') }}
),

rejected_results as (
    select * from {{ ref('stg_student_performance__rejected_results') }}
    where {{ in_requested_quarters('quarter') }}
),

rejected as (
    select
        quarter,
        count(*) as rejected_count
    from rejected_results
    group by quarter
)

select
    source_files.quarter,
    source_files.line_count,
    rejected.rejected_count,
    round(100.0 * rejected.rejected_count / source_files.line_count, 2) as rejected_pct
from source_files
inner join rejected
    on source_files.quarter = rejected.quarter
where 100.0 * rejected.rejected_count > {{ var('max_quarantined_pct') }} * source_files.line_count

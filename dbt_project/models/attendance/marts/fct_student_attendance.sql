{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    post_hook='{{ analyze_rows() }}',
) }}

with student_days as (
    select * from {{ ref('fct_student_days') }}
)

select
    quarter,
    student_id,
    case when grouping(school_code) = 1 then 'all' else school_code end as school_code,
    max(attendance_date) filter (where is_enrolled) as last_enrolled_date,
    count(*) filter (where is_enrolled) as enrolled_days,
    coalesce(sum(present_fraction) filter (where is_enrolled), 0) as present_days,
    coalesce(sum(1 - present_fraction) filter (where is_enrolled), 0) as absent_days,
    count(*) filter (where not is_enrolled) as not_enrolled_days,
    {{ rounded_ratio(
        '100 * sum(present_fraction) filter (where is_enrolled)', 'count(*) filter (where is_enrolled)', 2
    ) }} as attendance_pct
from student_days
where {{ in_requested_quarters('quarter') }}
group by grouping sets ((quarter, student_id), (quarter, student_id, school_code))

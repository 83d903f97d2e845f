{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with student_days as (
    select * from {{ ref('fct_student_days') }}
)

select
    quarter,
    school_code,
    attendance_date,
    count(*) as enrolled_count,
    sum(present_fraction) as present_count,
    {{ rounded_ratio('100 * sum(present_fraction)', 'count(*)', 2) }} as attendance_pct
from student_days
where is_enrolled and {{ in_requested_quarters('quarter') }}
group by quarter, school_code, attendance_date

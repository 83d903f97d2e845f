{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with school_days as (
    select * from {{ ref('fct_school_days') }}
)

select
    quarter,
    school_code,
    {{ last_value_by('school_name', 'attendance_date') }} as school_name,
    {{ last_value_by('borough', 'attendance_date') }} as borough,
    {{ last_value_by('district', 'attendance_date') }} as district,
    count(*) as day_count,
    count(attendance_pct) as reported_day_count,
    {{ rounded_ratio('sum(attendance_pct)', 'count(attendance_pct)', 2) }} as mean_attendance_pct,
    min(attendance_pct) as lowest_attendance_pct,
    max(attendance_pct) as highest_attendance_pct
from school_days
where {{ in_requested_quarters('quarter') }}
group by quarter, school_code

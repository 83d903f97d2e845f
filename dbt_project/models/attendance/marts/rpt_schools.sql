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
    (array_agg(school_name order by attendance_date desc))[1] as school_name,
    (array_agg(borough order by attendance_date desc))[1] as borough,
    (array_agg(district order by attendance_date desc))[1] as district,
    count(*) as day_count,
    count(attendance_pct) as reported_day_count,
    round(avg(attendance_pct), 2) as mean_attendance_pct,
    min(attendance_pct) as lowest_attendance_pct,
    max(attendance_pct) as highest_attendance_pct
from school_days
where {{ in_requested_quarters('quarter') }}
group by quarter, school_code

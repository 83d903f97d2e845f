{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with school_days as (
    select * from {{ ref('fct_school_days') }}
),

report_items as (
    select * from {{ ref('stg_attendance__report_items') }}
),

days as (
    select
        quarter,
        attendance_date,
        count(*) as school_count,
        count(attendance_pct) as reporting_school_count,
        {{ rounded_ratio('sum(attendance_pct)', 'count(attendance_pct)', 2) }} as mean_attendance_pct,
        {{ rounded_median('attendance_pct', 2) }} as median_attendance_pct
    from school_days
    where {{ in_requested_quarters('quarter') }}
    group by quarter, attendance_date
),

totals as (
    select
        quarter,
        attendance_date,
        max(attendance_pct) as official_total_pct
    from report_items
    where {{ in_requested_quarters('quarter') }} and reason = 'not_a_school' and attendance_date is not null
    group by quarter, attendance_date
)

select
    coalesce(days.quarter, totals.quarter) as quarter,
    coalesce(days.attendance_date, totals.attendance_date) as attendance_date,
    coalesce(days.school_count, 0) as school_count,
    coalesce(days.reporting_school_count, 0) as reporting_school_count,
    days.mean_attendance_pct,
    days.median_attendance_pct,
    totals.official_total_pct
from days
full outer join totals on days.quarter = totals.quarter and days.attendance_date = totals.attendance_date

{{ config(materialized='quarter_partitions') }}

with holidays as (
    select * from {{ ref('stg_attendance__holidays') }}
),

quarters as (
    select distinct quarter from {{ source('attendance_raw', 'student_marks') }}
    where {{ in_requested_quarters('quarter') }}
),

-- Months are counted from January of the year in which the first quarter begins.
months as (
    select
        quarter,
        cast(left(quarter, 4) as integer) as year,
        {{ var('academic_year_start_month') }} - 1 + 3 * (cast(right(quarter, 1) as integer) - 1) as first_month
    from quarters
),

spans as (
    select
        quarter,
        {{ first_of_month('year', 'first_month') }} as first_day,
        {{ first_of_month('year', '(first_month + 3)') }} as next_first_day
    from months
),

weekdays as (
    select
        spans.quarter,
        days.day as attendance_date
    from spans
    {{ each_day('spans.first_day', 'spans.next_first_day - 1', 'days') }}
    where {{ iso_weekday('days.day') }} < 6
),

instructional as (
    select
        weekdays.quarter,
        weekdays.attendance_date
    from weekdays
    left join holidays
        on
            weekdays.quarter = holidays.quarter
            and weekdays.attendance_date = holidays.holiday_date
            and holidays.reason is null
    where holidays.holiday_date is null
),

numbered as (
    select
        quarter,
        attendance_date,
        cast(row_number() over (partition by quarter order by attendance_date) as bigint) as day_number
    from instructional
)

select
    quarter,
    attendance_date,
    day_number,
    cast(floor((day_number + 4) / 5) as bigint) as week_number
from numbered

with holidays as (
    select * from {{ ref('stg_attendance__holidays') }}
),

quarters as (
    select distinct quarter from {{ source('attendance_raw', 'student_marks') }}
),

starts as (
    select
        quarter,
        make_date(cast(left(quarter, 4) as integer), 1, 1)
        + make_interval(
            months => {{ var('academic_year_start_month') }} - 1 + 3 * (cast(right(quarter, 1) as integer) - 1)
        ) as first_day
    from quarters
),

weekdays as (
    select
        starts.quarter,
        cast(days.day as date) as attendance_date
    from starts
    cross join
        lateral generate_series(
            starts.first_day, starts.first_day + interval '3 months' - interval '1 day', interval '1 day'
        ) as days (day)
    where extract(isodow from days.day) < 6
),

instructional as (
    select weekdays.*
    from weekdays
    left join holidays
        on
            weekdays.quarter = holidays.quarter
            and weekdays.attendance_date = holidays.holiday_date
            and holidays.reason is null
    where holidays.holiday_date is null
)

select
    quarter,
    attendance_date,
    row_number() over (partition by quarter order by attendance_date) as day_number,
    (row_number() over (partition by quarter order by attendance_date) + 4) / 5 as week_number
from instructional

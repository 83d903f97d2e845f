{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with student_attendance as (
    select * from {{ ref('fct_student_attendance') }}
),

school_attendance as (
    select * from {{ ref('fct_school_attendance') }}
),

attendance as (
    select
        *,
        count(*) over (partition by quarter, student_id) as row_count
    from student_attendance
    where enrolled_days > 0 and {{ in_requested_quarters('quarter') }}
),

days as (
    select
        quarter,
        case when grouping(school_code) = 1 then 'all' else school_code end as school_code,
        count(distinct attendance_date) as day_count
    from school_attendance
    where {{ in_requested_quarters('quarter') }}
    group by grouping sets ((quarter), (quarter, school_code))
),

students as (
    select
        quarter,
        school_code,
        count(*) as student_count,
        -- One row is that over all schools.
        count(*) filter (where row_count > 2) as transfer_student_count,
        sum(enrolled_days) as enrolled_days,
        sum(present_days) as present_days
    from attendance
    group by quarter, school_code
)

select
    students.quarter,
    students.school_code,
    students.student_count,
    students.transfer_student_count,
    days.day_count,
    cast(students.enrolled_days as bigint) as enrolled_days,
    students.present_days,
    {{ rounded_ratio('students.present_days', 'days.day_count', 2) }} as average_daily_attendance,
    {{ rounded_ratio('100 * students.present_days', 'students.enrolled_days', 2) }} as attendance_pct
from students
inner join days on students.quarter = days.quarter and students.school_code = days.school_code

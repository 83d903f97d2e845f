{{ config(
    tags=['size:students'],
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    post_hook='{{ analyze_rows() }}',
) }}

with trusted_marks as (
    select * from {{ ref('stg_attendance__trusted_marks') }}
),

school_calendar as (
    select * from {{ ref('stg_attendance__school_calendar') }}
),

enrolments as (
    select * from {{ ref('stg_attendance__enrolments') }}
),

absence_reasons as (
    select * from {{ ref('stg_attendance__absence_reasons') }}
),

taxonomy as (
    select * from {{ ref('absence_categories') }}
),

-- A week's mark stands for each of the week's days that has no mark of its own.
days_of_marks as (
    select
        quarter,
        student_id,
        source_student_id,
        school_code,
        attendance_date,
        status,
        present_fraction,
        absence_reason,
        1 as rank_of_form
    from trusted_marks
    where week_number is null and {{ in_requested_quarters('quarter') }}
    union all
    select
        trusted_marks.quarter,
        trusted_marks.student_id,
        trusted_marks.source_student_id,
        trusted_marks.school_code,
        school_calendar.attendance_date,
        trusted_marks.status,
        trusted_marks.present_fraction,
        trusted_marks.absence_reason,
        2 as rank_of_form
    from trusted_marks
    inner join school_calendar
        on
            trusted_marks.quarter = school_calendar.quarter
            and trusted_marks.week_number = school_calendar.week_number
    where trusted_marks.week_number is not null and {{ in_requested_quarters('trusted_marks.quarter') }}
),

marked as (
    select
        *,
        row_number() over (partition by quarter, student_id, school_code, attendance_date order by rank_of_form) as place
    from days_of_marks
),

submissions as (
    select
        quarter,
        school_code,
        max(attendance_date) as last_date
    from marked
    group by quarter, school_code
),

-- Of stays that overlap, the one that began last: a day is enrolled at one school.
enrolled as (
    select
        enrolments.quarter,
        enrolments.student_id,
        enrolments.school_code,
        school_calendar.attendance_date,
        submissions.last_date,
        row_number() over (
            partition by enrolments.quarter, enrolments.student_id, school_calendar.attendance_date
            order by enrolments.enrolled_from desc, enrolments.school_code asc, enrolments.source_line asc
        ) as place
    from enrolments
    inner join school_calendar
        on
            enrolments.quarter = school_calendar.quarter
            and school_calendar.attendance_date
            between enrolments.enrolled_from and coalesce(enrolments.enrolled_to, date '9999-12-31')
    left join submissions
        on enrolments.quarter = submissions.quarter and enrolments.school_code = submissions.school_code
    where enrolments.reason is null and {{ in_requested_quarters('enrolments.quarter') }}
),

enrolled_students as (
    select distinct
        quarter,
        student_id
    from enrolments
    where reason is null
),

marked_days as (
    select * from marked
    where place = 1
),

enrolled_days as (
    select * from enrolled
    where place = 1 and attendance_date <= last_date
),

-- Negative attendance: an instructional day up to the school's last submission that nobody marked is a day present.
days as (
    select
        coalesce(marked_days.quarter, enrolled_days.quarter) as quarter,
        coalesce(marked_days.student_id, enrolled_days.student_id) as student_id,
        marked_days.source_student_id,
        coalesce(marked_days.school_code, enrolled_days.school_code) as school_code,
        coalesce(marked_days.attendance_date, enrolled_days.attendance_date) as attendance_date,
        coalesce(marked_days.status, 'not_marked') as status,
        coalesce(marked_days.present_fraction, 1) as present_fraction,
        marked_days.absence_reason,
        enrolled_days.student_id is not null as has_stay
    from marked_days
    full outer join enrolled_days
        on
            marked_days.quarter = enrolled_days.quarter
            and marked_days.student_id = enrolled_days.student_id
            and marked_days.school_code = enrolled_days.school_code
            and marked_days.attendance_date = enrolled_days.attendance_date
),

-- Where nobody gave a student's stays, the days recorded are the days enrolled, each at one school.
placed as (
    select
        days.*,
        case
            when enrolled_students.student_id is not null then days.has_stay
            else row_number() over (
                partition by days.quarter, days.student_id, days.attendance_date
                order by days.present_fraction desc, days.school_code asc
            ) = 1
        end as is_enrolled
    from days
    left join enrolled_students
        on days.quarter = enrolled_students.quarter and days.student_id = enrolled_students.student_id
),

reasons as (
    select
        quarter,
        source_student_id,
        absence_date,
        min(absence_reason) as absence_reason
    from absence_reasons
    where reason is null
    group by quarter, source_student_id, absence_date
),

explained as (
    select
        placed.*,
        case
            when placed.present_fraction < 1 then coalesce(lower(placed.absence_reason), reasons.absence_reason)
        end as given_reason
    from placed
    left join reasons
        on
            placed.quarter = reasons.quarter
            and placed.source_student_id = reasons.source_student_id
            and placed.attendance_date = reasons.absence_date
)

select
    explained.quarter,
    explained.student_id,
    explained.school_code,
    explained.attendance_date,
    case when explained.is_enrolled then explained.status else 'not_enrolled' end as status,
    explained.present_fraction,
    explained.is_enrolled,
    case
        when explained.given_reason is not null then coalesce(taxonomy.category, 'not_mapped')
    end as absence_category
from explained
left join taxonomy on explained.given_reason = taxonomy.reason

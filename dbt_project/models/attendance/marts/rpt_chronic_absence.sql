{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with student_attendance as (
    select * from {{ ref('fct_student_attendance') }}
),

definitions as (
    select * from {{ ref('attendance_definitions') }}
),

judged as (
    select
        student_attendance.quarter,
        student_attendance.student_id,
        student_attendance.school_code,
        definitions.authority,
        definitions.version,
        definitions.outcome = 'chronic'
        and student_attendance.enrolled_days >= definitions.minimum_enrolled_days as is_chronic
    from student_attendance
    inner join definitions on {{ in_range_of('student_attendance', 'definitions') }}
    where
        definitions.definition = 'chronic_absence'
        and student_attendance.enrolled_days > 0
        and {{ in_requested_quarters('student_attendance.quarter') }}
),

at_schools as (
    select
        quarter,
        student_id,
        school_code,
        authority,
        version,
        is_chronic
    from judged
    where school_code <> 'all'
    union all
    select
        quarter,
        student_id,
        'all' as school_code,
        authority,
        version,
        bool_or(is_chronic) as is_chronic
    from judged
    where school_code <> 'all'
    group by quarter, student_id, authority, version
)

select
    at_schools.quarter,
    at_schools.school_code,
    at_schools.authority,
    at_schools.version,
    count(*) as student_count,
    count(*) filter (where judged.is_chronic) as chronic_student_count,
    count(*) filter (where at_schools.is_chronic) as chronic_at_school_count,
    count(*) filter (where judged.is_chronic and not at_schools.is_chronic) as hidden_student_count
from at_schools
inner join judged
    on
        at_schools.quarter = judged.quarter
        and at_schools.student_id = judged.student_id
        and at_schools.authority = judged.authority
        and at_schools.version = judged.version
        and judged.school_code = 'all'
group by at_schools.quarter, at_schools.school_code, at_schools.authority, at_schools.version

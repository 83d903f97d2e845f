{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    post_hook='{{ analyze_rows() }}',
) }}

with student_attendance as (
    select * from {{ ref('fct_student_attendance') }}
),

-- Outcomes of authorities have names of their own; their places from the lowest range up can be compared.
definitions as (
    select
        *,
        cast(rank() over (partition by definition, authority, version order by lower_pct) as bigint) as outcome_rank
    from {{ ref('attendance_definitions') }}
)

select
    student_attendance.quarter,
    student_attendance.student_id,
    definitions.definition,
    definitions.authority,
    definitions.version,
    case
        when student_attendance.enrolled_days < definitions.minimum_enrolled_days then 'not_enough_days'
        else definitions.outcome
    end as outcome,
    case
        when student_attendance.enrolled_days < definitions.minimum_enrolled_days then 0
        else definitions.outcome_rank
    end as outcome_rank,
    student_attendance.enrolled_days,
    student_attendance.present_days,
    student_attendance.attendance_pct,
    case
        when student_attendance.enrolled_days < definitions.minimum_enrolled_days
            then
                student_attendance.enrolled_days || ' days enrolled, fewer than the ' || definitions.minimum_enrolled_days || ' asked for'
        else
            case when definitions.includes_lower then '>= ' else '> ' end || {{ number_text('definitions.lower_pct') }} || ' % and '
            || case when definitions.includes_upper then '<= ' else '< ' end || {{ number_text('definitions.upper_pct') }} || ' %, at least '
            || definitions.minimum_enrolled_days || ' days enrolled'
    end as clause
from student_attendance
inner join definitions on {{ in_range_of('student_attendance', 'definitions') }}
where
    student_attendance.school_code = 'all'
    and student_attendance.enrolled_days > 0
    and {{ in_requested_quarters('student_attendance.quarter') }}

{{ config(tags=['size:students']) }}

with enrolments as (
    select * from {{ source('attendance_raw', 'enrolments') }}
),

student_names as (
    select * from {{ ref('stg_attendance__student_names') }}
),

corrected_rows as (
    select
        quarter,
        source_file_id,
        source_line,
        case when corrections is null then line_problem end as line_problem,
        {{ corrected('student_id') }} as student_id,
        {{ corrected('student_name') }} as student_name,
        {{ corrected('school_code') }} as school_code,
        {{ corrected('enrolled_from') }} as enrolled_from,
        {{ corrected('enrolled_to') }} as enrolled_to
    from enrolments
),

typed as (
    select
        quarter,
        source_file_id,
        source_line,
        line_problem,
        {{ trimmed('student_id') }} as source_student_id,
        {{ name_key('student_name') }} as name_key,
        {{ trimmed('school_code') }} as school_code,
        {{ trimmed('enrolled_to') }} as enrolled_to_text,
        {{ iso_date('enrolled_from') }} as enrolled_from,
        {{ iso_date('enrolled_to') }} as enrolled_to
    from corrected_rows
)

select
    typed.quarter,
    typed.source_file_id,
    typed.source_line,
    student_names.student_id,
    typed.school_code,
    typed.enrolled_from,
    typed.enrolled_to,
    case
        when typed.line_problem is not null then 'unreadable_line'
        when typed.source_student_id is null or typed.school_code is null then 'missing_value'
        when
            typed.enrolled_from is null
            or (typed.enrolled_to_text is not null and typed.enrolled_to is null)
            or typed.enrolled_to < typed.enrolled_from
            then 'invalid_day'
        when student_names.student_id is null then 'identity_conflict'
        when
            row_number() over (
                partition by
                    typed.quarter,
                    student_names.student_id,
                    typed.school_code,
                    typed.enrolled_from,
                    typed.enrolled_to_text
                order by typed.source_file_id, typed.source_line
            )
            > 1
            then 'repeated_row'
    end as reason
from typed
left join student_names
    on
        typed.quarter = student_names.quarter
        and typed.source_student_id = student_names.source_student_id
        and typed.name_key = student_names.name_key

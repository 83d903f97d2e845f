{{ config(tags=['size:students']) }}

with student_marks as (
    select * from {{ ref('stg_attendance__student_marks') }}
)

select
    quarter,
    source_student_id,
    student_id,
    school_code,
    attendance_date,
    week_number,
    status,
    present_fraction,
    absence_reason
from student_marks
where reason is null

-- What follows the student and what is counted by school are the same days.
with student_attendance as (
    select * from {{ ref('fct_student_attendance') }}
    where {{ in_requested_quarters('quarter') }}
)

select
    quarter,
    student_id
from student_attendance
group by quarter, student_id
having
    sum(case when school_code = 'all' then enrolled_days else -enrolled_days end) <> 0
    or sum(case when school_code = 'all' then present_days else -present_days end) <> 0
    or sum(case when school_code = 'all' then not_enrolled_days else -not_enrolled_days end) <> 0

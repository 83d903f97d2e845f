{{ config(meta={'dagster': {'ref': {'name': 'fct_attendance_outcomes'}}}) }}
-- The ranges of each version of a definition must cover every rate once: one outcome a student who was enrolled.
with outcomes as (
    select * from {{ ref('fct_attendance_outcomes') }}
),

versions as (
    select distinct
        definition,
        authority,
        version
    from {{ ref('attendance_definitions') }}
),

students as (
    select * from {{ ref('fct_student_attendance') }}
    where school_code = 'all' and enrolled_days > 0 and {{ in_requested_quarters('quarter') }}
)

select
    students.quarter,
    students.student_id,
    count(outcomes.outcome) as outcome_count
from students
cross join versions
left join outcomes
    on
        students.quarter = outcomes.quarter
        and students.student_id = outcomes.student_id
        and versions.definition = outcomes.definition
        and versions.authority = outcomes.authority
        and versions.version = outcomes.version
group by students.quarter, students.student_id, versions.definition, versions.authority, versions.version
having count(outcomes.outcome) <> 1

{{ config(meta={'dagster': {'ref': {'name': 'fct_attendance_outcomes'}}}) }}
-- The ranges of each version of a definition must cover every rate once: as many outcomes a student who was enrolled as there are
-- versions; another test holds that no version says two.
with outcomes as (
    select * from {{ ref('fct_attendance_outcomes') }}
    where {{ in_requested_quarters('quarter') }}
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
),

counted as (
    select
        quarter,
        student_id,
        count(*) as outcome_count
    from outcomes
    group by quarter, student_id
)

select
    students.quarter,
    students.student_id,
    counted.outcome_count
from students
left join counted on students.quarter = counted.quarter and students.student_id = counted.student_id
where coalesce(counted.outcome_count, 0) <> (select count(*) from versions)

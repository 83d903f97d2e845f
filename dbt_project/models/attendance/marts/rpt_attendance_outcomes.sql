{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with outcomes as (
    select * from {{ ref('fct_attendance_outcomes') }}
),

student_attendance as (
    select * from {{ ref('fct_student_attendance') }}
),

-- Each student counts once, so that schools add up to everybody.
placed as (
    select
        quarter,
        student_id,
        school_code,
        row_number() over (
            partition by quarter, student_id
            order by last_enrolled_date desc, enrolled_days desc, {{ by_code_point('school_code') }} asc
        ) as place
    from student_attendance
    where school_code <> 'all' and enrolled_days > 0 and {{ in_requested_quarters('quarter') }}
)

select
    outcomes.quarter,
    case when grouping(placed.school_code) = 1 then 'all' else placed.school_code end as school_code,
    outcomes.definition,
    outcomes.authority,
    outcomes.version,
    outcomes.outcome,
    outcomes.outcome_rank,
    count(*) as student_count
from outcomes
inner join placed on outcomes.quarter = placed.quarter and outcomes.student_id = placed.student_id and placed.place = 1
where {{ in_requested_quarters('outcomes.quarter') }}
group by grouping sets (
    (
        outcomes.quarter,
        outcomes.definition,
        outcomes.authority,
        outcomes.version,
        outcomes.outcome,
        outcomes.outcome_rank
    ),
    (
        outcomes.quarter,
        placed.school_code,
        outcomes.definition,
        outcomes.authority,
        outcomes.version,
        outcomes.outcome,
        outcomes.outcome_rank
    )
)

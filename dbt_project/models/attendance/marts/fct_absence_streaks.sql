{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    post_hook='{{ analyze_rows() }}',
) }}

with student_days as (
    select * from {{ ref('fct_student_days') }}
),

-- Days are those of instruction only, so a holiday or a weekend lies between no two of them.
numbered as (
    select
        quarter,
        student_id,
        attendance_date,
        status,
        present_fraction,
        row_number() over (partition by quarter, student_id order by attendance_date) as day_place,
        row_number() over (
            partition by quarter, student_id, present_fraction = 0 order by attendance_date
        ) as place_of_kind
    from student_days
    where is_enrolled and {{ in_requested_quarters('quarter') }}
)

select
    quarter,
    student_id,
    min(attendance_date) as first_date,
    max(attendance_date) as last_date,
    count(*) as day_count,
    count(*) filter (where status = 'excused') as excused_day_count
from numbered
where present_fraction = 0
group by quarter, student_id, day_place - place_of_kind

{{ config(materialized='view') }}

with student_attendance as (
    select * from {{ ref('fct_student_attendance') }}
),

school_days as (
    select * from {{ ref('fct_school_days') }}
),

absence_reasons as (
    select * from {{ ref('rpt_absence_reasons') }}
),

present as (
    select
        quarter,
        'students_present' as measure,
        cast(null as {{ dbt.type_string() }}) as category,
        cast(round(sum(present_days)) as bigint) as counted,
        cast(sum(enrolled_days) as bigint) as counted_among
    from student_attendance
    where school_code = 'all'
    group by quarter
),

not_submitted as (
    select
        quarter,
        'not_submitted' as measure,
        cast(null as {{ dbt.type_string() }}) as category,
        count(*) filter (where status = 'not_submitted') as counted,
        count(*) as counted_among
    from school_days
    group by quarter
),

below_ninety as (
    select
        quarter,
        'school_days_below_90_pct' as measure,
        cast(null as {{ dbt.type_string() }}) as category,
        count(*) filter (where attendance_pct < 90) as counted,
        count(*) as counted_among
    from school_days
    where status = 'reported'
    group by quarter
),

by_category as (
    select
        quarter,
        category,
        sum(mention_count) as counted
    from absence_reasons
    group by quarter, category
),

reasons as (
    select
        quarter,
        'absence_category' as measure,
        category,
        cast(counted as bigint) as counted,
        cast(sum(counted) over (partition by quarter) as bigint) as counted_among
    from by_category
)

select
    quarter,
    measure,
    category,
    counted,
    counted_among
from present
union all
select
    quarter,
    measure,
    category,
    counted,
    counted_among
from not_submitted
union all
select
    quarter,
    measure,
    category,
    counted,
    counted_among
from below_ninety
union all
select
    quarter,
    measure,
    category,
    counted,
    counted_among
from reasons

{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with streaks as (
    select
        *,
        row_number() over (partition by quarter, student_id order by day_count desc, first_date asc) as place
    from {{ ref('fct_absence_streaks') }}
    where {{ in_requested_quarters('quarter') }}
)

select
    quarter,
    day_count,
    count(*) as streak_count,
    count(*) filter (where place = 1) as student_count
from streaks
group by quarter, day_count

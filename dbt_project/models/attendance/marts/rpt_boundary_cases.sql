{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with outcomes as (
    select * from {{ ref('fct_attendance_outcomes') }}
),

definitions as (
    select * from {{ ref('attendance_definitions') }}
),

-- 0 and 100 are ends of the scale, where no two versions differ.
bounds as (
    select distinct
        definition,
        lower_pct as bound_pct
    from definitions
    where lower_pct > 0
)

select
    outcomes.quarter,
    outcomes.definition,
    outcomes.student_id,
    outcomes.authority || '@' || outcomes.version as version_name,
    bounds.bound_pct,
    outcomes.enrolled_days,
    outcomes.present_days,
    outcomes.outcome,
    outcomes.outcome_rank,
    outcomes.clause
from outcomes
inner join bounds
    on
        outcomes.definition = bounds.definition
        and 100 * outcomes.present_days = bounds.bound_pct * outcomes.enrolled_days
where {{ in_requested_quarters('outcomes.quarter') }}

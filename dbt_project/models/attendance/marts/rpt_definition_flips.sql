{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with outcomes as (
    select
        *,
        authority || '@' || version as version_name
    from {{ ref('fct_attendance_outcomes') }}
    where {{ in_requested_quarters('quarter') }}
)

select
    one.quarter,
    one.definition,
    one.version_name,
    two.version_name as other_version_name,
    one.outcome,
    two.outcome as other_outcome,
    count(*) as student_count,
    min(one.attendance_pct) as lowest_attendance_pct,
    max(one.attendance_pct) as highest_attendance_pct,
    min(one.clause) as clause,
    min(two.clause) as other_clause
from outcomes as one
inner join outcomes as two
    on
        one.quarter = two.quarter
        and one.student_id = two.student_id
        and one.definition = two.definition
        and {{ by_code_point('one.version_name') }} < {{ by_code_point('two.version_name') }}
        and one.outcome_rank <> two.outcome_rank
group by
    one.quarter, one.definition, one.version_name, two.version_name, one.outcome, two.outcome

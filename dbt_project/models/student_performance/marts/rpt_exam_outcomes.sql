{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with outcomes as (
    select * from {{ ref('fct_exam_outcomes') }}
),

side_by_side as (
    select
        quarter,
        definition,
        mean_score,
        lowest_score,
        {{ distinct_texts("authority || '@' || version || '=' || outcome") }} as outcomes,
        max(case when is_on_bound then 1 else 0 end) = 1 as is_on_bound,
        min(student_count) as student_count
    from outcomes
    where {{ in_requested_quarters('quarter') }}
    group by quarter, definition, score_sum, mean_score, lowest_score
)

select
    quarter,
    definition,
    outcomes,
    is_on_bound,
    sum(student_count)::bigint as student_count,
    min(mean_score) as lowest_mean_score,
    max(mean_score) as highest_mean_score,
    min(lowest_score) as lowest_subject_score,
    max(lowest_score) as highest_subject_score
from side_by_side
group by quarter, definition, outcomes, is_on_bound

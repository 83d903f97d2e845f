{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with outcomes as (
    select * from {{ ref('fct_attendance_outcomes') }}
),

{% set labeled_results = ref('fct_labeled_results') -%}
labeled_results as (
    {% if is_built(labeled_results) -%}
    select
        quarter,
        student_id,
        cluster_id,
        cluster_label
    from {{ labeled_results }}
    where has_own_id and {{ in_requested_quarters('quarter') }}
    {%- else -%}
    select
        quarter,
        student_id,
        cast(null as smallint) as cluster_id,
        cast(null as {{ dbt.type_string() }}) as cluster_label
    from outcomes
    where false
    {%- endif %}
)

select
    outcomes.quarter,
    outcomes.authority,
    outcomes.version,
    outcomes.outcome,
    outcomes.outcome_rank,
    labeled_results.cluster_id,
    labeled_results.cluster_label,
    labeled_results.student_id is not null as has_exam_result,
    count(*) as student_count
from outcomes
left join labeled_results
    on outcomes.quarter = labeled_results.quarter and outcomes.student_id = labeled_results.student_id
where outcomes.definition = 'attendance_tier' and {{ in_requested_quarters('outcomes.quarter') }}
group by
    outcomes.quarter,
    outcomes.authority,
    outcomes.version,
    outcomes.outcome,
    outcomes.outcome_rank,
    labeled_results.cluster_id,
    labeled_results.cluster_label,
    labeled_results.student_id is not null

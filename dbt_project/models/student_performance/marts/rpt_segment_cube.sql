{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    pre_hook='{{ prefer_hash_joins() }}',
) }}

with accepted_sets as (
    select * from {{ ref('stg_student_performance__accepted_sets') }}
),

accepted_demographics as (
    select * from {{ ref('stg_student_performance__accepted_demographics') }}
),

labeled_score_sets as (
    select * from {{ ref('fct_labeled_score_sets') }}
),

counts_by_set as (
    select
        accepted_sets.quarter,
        accepted_sets.demographic_set_id,
        labeled_score_sets.cluster_id,
        sum(accepted_sets.student_count)::bigint as student_count
    from accepted_sets
    inner join labeled_score_sets
        on
            accepted_sets.quarter = labeled_score_sets.quarter
            and accepted_sets.score_set_id = labeled_score_sets.score_set_id
    where {{ in_requested_quarters('accepted_sets.quarter') }}
    group by accepted_sets.quarter, accepted_sets.demographic_set_id, labeled_score_sets.cluster_id
)

select
    counts_by_set.quarter,
    {%- for demographic in var('demographics') %}
    accepted_demographics.{{ demographic.name }},
    {%- endfor %}
    counts_by_set.cluster_id,
    counts_by_set.student_count
from counts_by_set
inner join accepted_demographics
    on
        counts_by_set.quarter = accepted_demographics.quarter
        and counts_by_set.demographic_set_id = accepted_demographics.demographic_set_id

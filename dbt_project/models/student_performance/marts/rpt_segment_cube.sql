{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    pre_hook='{{ prefer_hash_joins() }}',
) }}

with accepted_lines as (
    select * from {{ ref('stg_student_performance__accepted_lines') }}
),

demographic_sets as (
    select * from {{ ref('stg_student_performance__demographic_sets') }}
),

labeled_score_sets as (
    select * from {{ ref('fct_labeled_score_sets') }}
),

counts_by_set as (
    select
        accepted_lines.quarter,
        accepted_lines.demographic_set_id,
        labeled_score_sets.cluster_id,
        count(*) as student_count
    from accepted_lines
    inner join labeled_score_sets
        on
            accepted_lines.quarter = labeled_score_sets.quarter
            and accepted_lines.score_set_id = labeled_score_sets.score_set_id
    where {{ in_requested_quarters('accepted_lines.quarter') }}
    group by accepted_lines.quarter, accepted_lines.demographic_set_id, labeled_score_sets.cluster_id
),

-- Distinct, since one set may have been written in several ways.
sets as (
    select distinct
        quarter,
        demographic_set_id
        {%- for demographic in var('demographics') %},
        {{ demographic.name }}
        {%- endfor %}
    from demographic_sets
)

select
    counts_by_set.quarter,
    {%- for demographic in var('demographics') %}
    sets.{{ demographic.name }},
    {%- endfor %}
    counts_by_set.cluster_id,
    counts_by_set.student_count
from counts_by_set
inner join sets
    on
        counts_by_set.quarter = sets.quarter
        and counts_by_set.demographic_set_id = sets.demographic_set_id

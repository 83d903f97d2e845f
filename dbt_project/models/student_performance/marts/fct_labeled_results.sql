{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    indexes=[{'columns': ['quarter']}],
    post_hook='{{ analyze_table(this) }}',
) }}

with exam_results as (
    select *
    from {{ ref('fct_exam_results') }}
    where {{ in_requested_quarters('quarter') }}
),

clusters as (
    select * from {{ source('student_performance_ml', 'cluster_profiles') }}
),

-- Students with the same scores are in the same cluster, so the distances are taken once for each set of scores.
score_sets as (
    select
        quarter,
        {%- for subject in var('subjects') %}
        {{ subject.name }}_score{{ ',' if not loop.last }}
        {%- endfor %}
    from exam_results
    group by
        quarter,
        {%- for subject in var('subjects') %}
        {{ subject.name }}_score{{ ',' if not loop.last }}
        {%- endfor %}
),

labeled_sets as (
    select
        score_sets.quarter,
        {%- for subject in var('subjects') %}
        score_sets.{{ subject.name }}_score,
        {%- endfor %}
        nearest.cluster_id,
        nearest.cluster_label
    from score_sets
    cross join lateral (
        select
            clusters.cluster_id,
            clusters.cluster_label
        from clusters
        where clusters.quarter = score_sets.quarter
        order by
            {% for subject in var('subjects') -%}
            {{ '+ ' if not loop.first }}power(score_sets.{{ subject.name }}_score::float8 - clusters.{{ subject.name }}_mean_score, 2)
            {% endfor -%}
            asc,
            clusters.cluster_id asc
        limit 1
    ) as nearest
)

select
    exam_results.quarter,
    exam_results.student_id,
    exam_results.has_own_id,
    {%- for demographic in var('demographics') %}
    exam_results.{{ demographic.name }},
    {%- endfor %}
    {%- for subject in var('subjects') %}
    exam_results.{{ subject.name }}_score,
    {%- endfor %}
    exam_results.mean_score,
    exam_results.is_pass,
    labeled_sets.cluster_id,
    labeled_sets.cluster_label
from exam_results
inner join labeled_sets
    on
        exam_results.quarter = labeled_sets.quarter
        {%- for subject in var('subjects') %}
        and exam_results.{{ subject.name }}_score = labeled_sets.{{ subject.name }}_score
        {%- endfor %}

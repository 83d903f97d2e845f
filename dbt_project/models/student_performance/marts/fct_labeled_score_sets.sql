{{ config(materialized='quarter_partitions') }}

with score_sets as (
    select *
    from {{ ref('fct_score_sets') }}
    where {{ in_requested_quarters('quarter') }}
),

clusters as (
    select * from {{ source('student_performance_ml', 'cluster_profiles') }}
)

select
    score_sets.quarter,
    score_sets.score_set_id,
    score_sets.source_file_id,
    {%- for subject in var('subjects') %}
    score_sets.{{ subject.name }}_score,
    {%- endfor %}
    score_sets.is_pass,
    score_sets.student_count,
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

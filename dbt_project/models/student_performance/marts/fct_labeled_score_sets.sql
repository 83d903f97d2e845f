{{ config(materialized='quarter_partitions') }}

{%- set squares = [] -%}
{%- for subject in var('subjects') -%}
    {%- do squares.append(
        'power(' ~ as_double('score_sets.' ~ subject.name ~ '_score') ~ ' - clusters.' ~ subject.name ~ '_mean_score, 2)'
    ) -%}
{%- endfor %}

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
from {{ first_candidate(
    'score_sets', ['quarter', 'score_set_id'], 'clusters', 'clusters.quarter = score_sets.quarter',
    ['cluster_id', 'cluster_label'], squares | join(' + ') ~ ' asc, clusters.cluster_id asc', 'nearest'
) }}

{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_and_following_quarters',
    on_schema_change='fail',
) }}

-- What a segment continues is matched again when the quarter before is clustered.
with clusters as (
    select * from {{ source('student_performance_ml', 'cluster_profiles') }}
),

labeled_score_sets as (
    select * from {{ ref('fct_labeled_score_sets') }}
),

cluster_counts as (
    select
        quarter,
        cluster_id,
        sum(student_count)::bigint as student_count,
        coalesce(sum(student_count) filter (where is_pass), 0)::bigint as pass_count
    from labeled_score_sets
    where {{ in_requested_and_following_quarters('quarter') }}
    group by quarter, cluster_id
),

quarter_counts as (
    select
        quarter,
        sum(student_count) as student_count
    from cluster_counts
    group by quarter
)

select
    clusters.quarter,
    clusters.cluster_id,
    clusters.cluster_label,
    clusters.reason,
    coalesce(cluster_counts.student_count, 0) as student_count,
    {{ rounded_ratio('100.0 * coalesce(cluster_counts.student_count, 0)', 'quarter_counts.student_count') }} as student_pct,
    {%- for subject in var('subjects') %}
    clusters.{{ subject.name }}_mean_score,
    {%- endfor %}
    {{ rounded_ratio('100.0 * cluster_counts.pass_count', 'cluster_counts.student_count') }} as pass_pct,
    clusters.continues_cluster_id,
    clusters.cluster_count,
    clusters.silhouette,
    clusters.inertia_ratio,
    clusters.stability
from clusters
inner join quarter_counts
    on clusters.quarter = quarter_counts.quarter
left join cluster_counts
    on
        clusters.quarter = cluster_counts.quarter
        and clusters.cluster_id = cluster_counts.cluster_id

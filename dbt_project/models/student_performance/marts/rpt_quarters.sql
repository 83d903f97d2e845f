{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with row_accounts as (
    select * from {{ source('platform', 'row_accounts') }}
),

landing_files as (
    select * from {{ source('platform', 'landing_files') }}
),

exam_cube as (
    select * from {{ ref('rpt_exam_cube') }}
),

clusters as (
    select * from {{ source('student_performance_ml', 'cluster_profiles') }}
),

accounts_by_recency as (
    select
        *,
        row_number() over (partition by quarter order by recorded_at desc, source_file_id asc) as recency
    from row_accounts
    where
        domain = 'student_performance'
        and {{ in_requested_quarters('quarter') }}
),

-- A file that another one has replaced keeps its account; the quarter's is the last one recorded.
current_accounts as (
    select *
    from accounts_by_recency
    where recency = 1
),

cube_totals as (
    select
        quarter,
        sum(student_count) as student_count,
        sum(pass_count) as pass_count,
        sum(mean_score_sum) as mean_score_sum,
        {%- for subject in var('subjects') %}
        sum({{ subject.name }}_score_sum) as {{ subject.name }}_score_sum{{ ',' if not loop.last }}
        {%- endfor %}
    from exam_cube
    where {{ in_requested_quarters('quarter') }}
    group by quarter
),

cluster_counts as (
    select
        quarter,
        max(cluster_count) as cluster_count
    from clusters
    where {{ in_requested_quarters('quarter') }}
    group by quarter
)

select
    current_accounts.quarter,
    landing_files.source,
    landing_files.name as file_name,
    current_accounts.source_file_id,
    landing_files.received_at,
    current_accounts.rows_read,
    current_accounts.rows_trusted,
    current_accounts.rows_quarantined,
    coalesce(cube_totals.student_count, 0)::bigint as student_count,
    coalesce(cube_totals.pass_count, 0)::bigint as pass_count,
    {{ rounded_ratio('100.0 * cube_totals.pass_count', 'cube_totals.student_count') }} as pass_pct,
    {{ rounded_ratio('cube_totals.mean_score_sum', 'cube_totals.student_count') }} as mean_score,
    {%- for subject in var('subjects') %}
    {{ rounded_ratio('cube_totals.' ~ subject.name ~ '_score_sum', 'cube_totals.student_count') }} as {{ subject.name }}_mean_score,
    {%- endfor %}
    cluster_counts.cluster_count
from current_accounts
inner join landing_files
    on current_accounts.source_file_id = landing_files.source_file_id
left join cube_totals
    on current_accounts.quarter = cube_totals.quarter
left join cluster_counts
    on current_accounts.quarter = cluster_counts.quarter

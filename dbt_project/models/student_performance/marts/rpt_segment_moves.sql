{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_and_following_quarters',
    on_schema_change='fail',
) }}

with segment_moves as (
    select * from {{ ref('fct_segment_moves') }}
)

select
    quarter,
    previous_cluster_label,
    cluster_label,
    move,
    count(*) as student_count
from segment_moves
where {{ in_requested_and_following_quarters('quarter') }}
group by quarter, previous_cluster_label, cluster_label, move

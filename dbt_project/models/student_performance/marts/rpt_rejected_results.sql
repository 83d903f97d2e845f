{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with rejected_results as (
    select * from {{ ref('stg_student_performance__rejected_results') }}
)

select
    quarter,
    source_file_id,
    reason,
    column_name,
    count(*) as line_count
from rejected_results
where {{ in_requested_quarters('quarter') }}
group by quarter, source_file_id, reason, column_name

{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    pre_hook='{{ prefer_hash_joins() }}',
) }}

with exam_lines as (
    select * from {{ ref('stg_student_performance__exam_lines') }}
)

select
    quarter,
    source_file_id,
    source_line,
    score_set_id,
    source_text,
    reason,
    column_name
from exam_lines
where
    reason is not null
    and {{ in_requested_quarters('quarter') }}

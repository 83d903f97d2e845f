-- depends_on: {{ ref('stg_student_performance__rejected_results') }}
{#- The tests of the rejected lines come first: where too many are rejected, the marts stay with the file before. -#}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with source_files as (
    select * from {{ source('student_performance_raw', 'exam_files') }}
)

select
    quarter,
    slot,
    source_file_id
from source_files
where {{ in_requested_quarters('quarter') }}

{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    pre_hook='{{ prefer_hash_joins() }}',
) }}

with exam_lines as (
    select * from {{ ref('stg_student_performance__exam_lines') }}
),

source_files as (
    select * from {{ source('student_performance_raw', 'exam_files') }}
)

select
    exam_lines.quarter,
    source_files.source_file_id,
    exam_lines.source_line,
    exam_lines.score_set_id,
    exam_lines.source_text,
    exam_lines.reason,
    exam_lines.column_name
from exam_lines
inner join source_files
    on
        exam_lines.quarter = source_files.quarter
        and exam_lines.slot = source_files.slot
where
    exam_lines.reason is not null
    and {{ in_requested_quarters('exam_lines.quarter') }}

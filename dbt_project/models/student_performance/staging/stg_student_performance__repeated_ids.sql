{{ config(tags=['size:students'], materialized='quarter_partitions') }}

with source_lines as (
    select * from {{ source('student_performance_raw', 'exam_lines') }}
),

trimmed as (
    select
        quarter,
        slot,
        source_line,
        {{ trimmed('source_student_id') }} as source_student_id
    from source_lines
    where
        source_student_id is not null
        and {{ in_requested_quarters('quarter') }}
)

select
    quarter,
    slot,
    source_student_id,
    min(source_line) as first_line,
    count(*) as line_count
from trimmed
where source_student_id is not null
group by quarter, slot, source_student_id
having count(*) > 1

{#- A table, so that each mark is judged once for the models, the tests and the row account that follow. -#}
{{ config(tags=['size:students'], materialized='quarter_partitions', pre_hook='{{ prefer_hash_joins() }}') }}

with judged_marks as (
    select * from {{ ref('stg_attendance__judged_marks') }}
)

select
    quarter,
    source_file_id,
    source_line,
    source_column,
    source_student_id,
    student_id,
    school_code,
    attendance_date,
    week_number,
    status,
    present_fraction,
    absence_reason,
    reason
from judged_marks
where {{ in_requested_quarters('quarter') }}

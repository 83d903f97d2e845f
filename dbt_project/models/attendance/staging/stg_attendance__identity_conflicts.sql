{{ config(tags=['size:students']) }}

with student_names as (
    select * from {{ ref('stg_attendance__student_names') }}
)

select
    quarter,
    source_student_id,
    name_key,
    school_codes,
    source_file_ids,
    first_source_line,
    row_count,
    name_count,
    student_id as belongs_to,
    case when student_id is null then 'open' else 'decided' end as status
from student_names
where name_count > 1

{{ config(tags=['size:students']) }}

with marks as (
    select * from {{ source('attendance_raw', 'student_marks') }}
),

enrolments as (
    select * from {{ source('attendance_raw', 'enrolments') }}
),

decisions as (
    select * from {{ ref('identity_decisions') }}
),

mentions as (
    select
        quarter,
        {{ trimmed(corrected('student_id')) }} as source_student_id,
        {{ name_key(corrected('student_name')) }} as name_key,
        {{ trimmed(corrected('school_code')) }} as school_code,
        source_file_id,
        source_line
    from marks
    union all
    select
        quarter,
        {{ trimmed(corrected('student_id')) }} as source_student_id,
        {{ name_key(corrected('student_name')) }} as name_key,
        {{ trimmed(corrected('school_code')) }} as school_code,
        source_file_id,
        source_line
    from enrolments
),

names as (
    select
        quarter,
        source_student_id,
        name_key,
        {{ distinct_texts('school_code') }} as school_codes,
        {{ distinct_texts('source_file_id') }} as source_file_ids,
        min(source_line) as first_source_line,
        count(*) as row_count
    from mentions
    where source_student_id is not null
    group by quarter, source_student_id, name_key
),

-- A row without a name is nobody else.
compared as (
    select
        *,
        count(nullif(name_key, '')) over (partition by quarter, source_student_id) as name_count
    from names
)

select
    compared.quarter,
    compared.source_student_id,
    compared.name_key,
    compared.school_codes,
    compared.source_file_ids,
    compared.first_source_line,
    compared.row_count,
    compared.name_count,
    coalesce(decisions.belongs_to, case when compared.name_count <= 1 then compared.source_student_id end) as student_id
from compared
left join decisions
    on compared.source_student_id = decisions.student_id and compared.name_key = decisions.name_key

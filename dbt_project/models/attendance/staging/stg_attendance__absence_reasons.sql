{{ config(tags=['size:students']) }}

with raw_reasons as (
    select * from {{ source('attendance_raw', 'absence_reasons') }}
),

taxonomy as (
    select * from {{ ref('absence_categories') }}
),

corrected_rows as (
    select
        quarter,
        source_file_id,
        source_line,
        {{ corrected('student_id') }} as student_id,
        {{ corrected('absence_date') }} as absence_date,
        {{ corrected('reason') }} as reason
    from raw_reasons
),

typed as (
    select
        quarter,
        source_file_id,
        source_line,
        {{ trimmed('student_id') }} as source_student_id,
        {{ iso_date('absence_date') }} as absence_date,
        lower({{ trimmed('reason') }}) as absence_reason
    from corrected_rows
)

select
    typed.quarter,
    typed.source_file_id,
    typed.source_line,
    typed.source_student_id,
    typed.absence_date,
    typed.absence_reason,
    coalesce(taxonomy.category, 'not_mapped') as category,
    case
        when typed.source_student_id is null or typed.absence_reason is null then 'missing_value'
        when typed.absence_date is null then 'invalid_day'
    end as reason
from typed
left join taxonomy on typed.absence_reason = taxonomy.reason

{#- A view, since a correction is tried on it before it is kept. -#}
{{ config(tags=['size:students']) }}

with raw_marks as (
    select * from {{ source('attendance_raw', 'student_marks') }}
),

mark_words as (
    select * from {{ ref('attendance_marks') }}
),

student_names as (
    select * from {{ ref('stg_attendance__student_names') }}
),

school_calendar as (
    select * from {{ ref('stg_attendance__school_calendar') }}
),

corrected_rows as (
    select
        quarter,
        source_file_id,
        source_line,
        source_column,
        -- What is wrong with a whole class sheet is not mended by a value.
        case when corrections is null or source_column is not null then line_problem end as line_problem,
        {{ corrected('student_id') }} as student_id,
        {{ corrected('student_name') }} as student_name,
        {{ corrected('school_code') }} as school_code,
        {{ corrected('attendance_day') }} as attendance_day,
        {{ corrected('mark') }} as mark,
        {{ corrected('absence_reason') }} as absence_reason,
        {{ corrected('sheet_total') }} as sheet_total
    from raw_marks
),

texts as (
    select
        quarter,
        source_file_id,
        source_line,
        source_column,
        line_problem,
        {{ trimmed('student_id') }} as source_student_id,
        {{ name_key('student_name') }} as name_key,
        coalesce({{ trimmed('school_code') }}, 'unknown') as school_code,
        {{ trimmed('attendance_day') }} as day_text,
        lower({{ trimmed('mark') }}) as mark,
        {{ trimmed('absence_reason') }} as absence_reason,
        {{ trimmed('sheet_total') }} as total_text
    from corrected_rows
),

typed as (
    select
        texts.*,
        mark_words.status,
        mark_words.present_fraction,
        student_names.student_id,
        case when texts.day_text like 'Day %' then cast(substr(texts.day_text, 5) as bigint) end as day_number,
        case when texts.day_text like 'Week %' then cast(substr(texts.day_text, 6) as bigint) end as week_number,
        case
            when {{ matches('texts.total_text', "'^[0-9]{1,4}([.][0-9]{1,4})?$'") }}
                then {{ exact_number('texts.total_text') }}
        end as sheet_total,
        sum(mark_words.present_fraction)
            over (partition by texts.quarter, texts.source_file_id, texts.source_line)
            as line_sum
    from texts
    left join mark_words on texts.mark = mark_words.mark
    left join student_names
        on
            texts.quarter = student_names.quarter
            and texts.source_student_id = student_names.source_student_id
            and texts.name_key = student_names.name_key
),

-- A mark's day is written as a date, as the number of a day, or as that of a week, whose first day it then has.
placed as (
    select
        typed.*,
        by_date.attendance_date as written_date,
        coalesce(by_date.attendance_date, by_number.attendance_date, by_week.attendance_date) as attendance_date
    from typed
    left join school_calendar as by_date
        on typed.quarter = by_date.quarter and typed.day_text = cast(by_date.attendance_date as {{ dbt.type_string() }})
    left join school_calendar as by_number
        on typed.quarter = by_number.quarter and typed.day_number = by_number.day_number
    left join school_calendar as by_week
        on typed.quarter = by_week.quarter and 5 * typed.week_number - 4 = by_week.day_number
),

judged as (
    select
        *,
        case
            when line_problem is not null then 'unreadable_line'
            when source_student_id is null then 'missing_value'
            -- Only of a day that is not in the calendar it is asked whether it is a date at all: that costs more than all the rest.
            when source_column is null and written_date is null and {{ iso_date('day_text') }} is null then 'invalid_day'
            -- The whole row of a class sheet: which of its days is wrong, nobody knows.
            when source_column is not null and (sheet_total is null or sheet_total <> line_sum) then 'total_disagrees'
            when mark is null then 'not_recorded'
            when status is null then 'unknown_mark'
            when student_id is null then 'identity_conflict'
            when attendance_date is null then 'no_instructional_day'
        end as own_reason
    from placed
),

compared as (
    select
        *,
        row_number() over (
            partition by quarter, student_id, school_code, attendance_date, week_number is null, own_reason is null
            order by source_file_id, source_line, source_column
        ) as place_among_equals,
        min(status) over all_of_day as first_status,
        max(status) over all_of_day as last_status
    from judged
    window
        all_of_day as (
            partition by quarter, student_id, school_code, attendance_date, week_number is null, own_reason is null
        )
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
    case
        when own_reason is not null then own_reason
        when first_status <> last_status then 'conflicting_marks'
        when place_among_equals > 1 then 'repeated_mark'
    end as reason
from compared

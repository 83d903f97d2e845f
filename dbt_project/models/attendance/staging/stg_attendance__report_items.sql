with school_days as (
    select * from {{ source('attendance_raw', 'school_days') }}
),

report_words as (
    select * from {{ ref('report_words') }}
),

corrected_rows as (
    select
        quarter,
        source_file_id,
        source_line,
        repaired,
        {{ corrected('school_code') }} as school_code,
        {{ corrected('day') }} as day,
        {{ corrected('attendance_pct') }} as attendance_pct,
        {{ corrected('school_name') }} as school_name,
        {{ corrected('borough') }} as borough,
        {{ corrected('district') }} as district
    from school_days
),

texts as (
    select
        quarter,
        source_file_id,
        source_line,
        borough,
        district,
        repaired,
        {{ trimmed('school_code') }} as school_code,
        {{ trimmed('day') }} as day_text,
        {{ trimmed('attendance_pct') }} as pct_text,
        {{ trimmed(replaced_all('school_name', "'[ \u2400-\u241f]+'", "' '")) }} as school_name
    from corrected_rows
),

typed as (
    select
        *,
        {{ valid_date("left(day_text, 4) || '-' || substr(day_text, 5, 2) || '-' || substr(day_text, 7)") }} as attendance_date,
        case
            when {{ matches('pct_text', "'^[0-9]{1,3}([.][0-9]+)?$'") }} then {{ exact_number('pct_text') }}
        end as attendance_pct
    from texts
),

placed as (
    select
        *,
        row_number() over (
            partition by quarter, school_code, day_text order by source_file_id, source_line
        ) as place_among_equals
    from typed
)

select
    placed.quarter,
    placed.source_file_id,
    placed.source_line,
    placed.school_code,
    placed.school_name,
    placed.borough,
    placed.district,
    placed.repaired,
    placed.attendance_date,
    placed.attendance_pct,
    case
        when code_words.reason is not null then code_words.reason
        when placed.school_code is null or placed.day_text is null or placed.pct_text is null then 'missing_value'
        when placed.attendance_date is null then 'invalid_day'
        when placed.place_among_equals > 1 then 'repeated_school_day'
        when pct_words.reason is not null then pct_words.reason
        when placed.attendance_pct is null then 'not_a_number'
        when placed.attendance_pct > 100 then 'out_of_range'
    end as reason
from placed
left join report_words as code_words on code_words.column_name = 'school_code' and placed.school_code = code_words.word
left join report_words as pct_words on pct_words.column_name = 'attendance_pct' and placed.pct_text = pct_words.word

with holidays as (
    select * from {{ source('attendance_raw', 'holidays') }}
),

corrected_rows as (
    select
        quarter,
        source_file_id,
        source_line,
        case when corrections is null then line_problem end as line_problem,
        {{ corrected('holiday_date') }} as holiday_date,
        {{ corrected('description') }} as description
    from holidays
),

typed as (
    select
        quarter,
        source_file_id,
        source_line,
        line_problem,
        {{ iso_date('holiday_date') }} as holiday_date,
        {{ trimmed('description') }} as description
    from corrected_rows
)

select
    quarter,
    source_file_id,
    source_line,
    holiday_date,
    description,
    case
        when line_problem is not null then 'unreadable_line'
        when holiday_date is null then 'invalid_day'
        when
            row_number() over (partition by quarter, holiday_date order by source_file_id, source_line) > 1
            then 'repeated_row'
    end as reason
from typed

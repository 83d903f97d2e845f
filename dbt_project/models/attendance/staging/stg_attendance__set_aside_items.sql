with report_items as (
    select * from {{ ref('stg_attendance__report_items') }}
)

select
    quarter,
    source_file_id,
    source_line,
    school_code,
    school_name,
    borough,
    district,
    attendance_date,
    attendance_pct,
    reason
from report_items
where reason is not null

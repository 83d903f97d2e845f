{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with report_items as (
    select * from {{ ref('stg_attendance__report_items') }}
)

select
    quarter,
    attendance_date,
    school_code,
    school_name,
    borough,
    district,
    attendance_pct,
    coalesce(reason, 'reported') as status,
    source_file_id
from report_items
where
    {{ in_requested_quarters('quarter') }}
    and (reason is null or reason = 'not_submitted')

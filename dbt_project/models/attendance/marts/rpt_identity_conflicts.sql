{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with conflicts as (
    select * from {{ ref('stg_attendance__identity_conflicts') }}
)

select
    quarter,
    source_student_id,
    max(name_count) as name_count,
    cast(sum(row_count) as bigint) as row_count,
    count(distinct belongs_to) as person_count,
    case when count(*) filter (where status = 'open') > 0 then 'open' else 'decided' end as status
from conflicts
where {{ in_requested_quarters('quarter') }}
group by quarter, source_student_id

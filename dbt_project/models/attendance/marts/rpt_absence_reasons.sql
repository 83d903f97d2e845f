{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with trusted_marks as (
    select * from {{ ref('stg_attendance__trusted_marks') }}
),

absence_reasons as (
    select * from {{ ref('stg_attendance__absence_reasons') }}
),

taxonomy as (
    select * from {{ ref('absence_categories') }}
),

given as (
    select
        quarter,
        absence_reason,
        source_student_id as student_id
    from absence_reasons
    where reason is null
    union all
    select
        quarter,
        lower(absence_reason) as absence_reason,
        source_student_id as student_id
    from trusted_marks
    where absence_reason is not null
)

select
    given.quarter,
    coalesce(taxonomy.reason, 'not_mapped') as absence_reason,
    coalesce(taxonomy.category, 'not_mapped') as category,
    taxonomy.reason is not null as is_mapped,
    count(distinct given.absence_reason) as text_count,
    count(*) as mention_count,
    count(distinct given.student_id) as student_count
from given
left join taxonomy on given.absence_reason = taxonomy.reason
where {{ in_requested_quarters('given.quarter') }}
group by given.quarter, taxonomy.category, taxonomy.reason

{{ config(tags=['size:students'], materialized='quarter_partitions', pre_hook='{{ prefer_hash_joins() }}') }}

with accepted_lines as (
    select * from {{ ref('stg_student_performance__accepted_lines') }}
)

select
    quarter,
    demographic_set_id,
    score_set_id,
    count(*) as student_count,
    count(source_student_id) as own_id_count
from accepted_lines
where {{ in_requested_quarters('quarter') }}
group by quarter, demographic_set_id, score_set_id

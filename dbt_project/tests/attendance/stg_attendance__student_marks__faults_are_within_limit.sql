{#- The gate: `dbt build` skips all that is below a failed test. What waits for a decision or says nothing is no fault. -#}
{{ config(where='true') }}

with marks as (
    select
        quarter,
        reason not in ('not_recorded', 'repeated_mark', 'no_instructional_day', 'identity_conflict') as is_faulty
    from {{ ref('stg_attendance__student_marks') }}
    where {{ in_requested_quarters('quarter') }}
)

select
    quarter,
    count(*) as mark_count,
    count(*) filter (where is_faulty) as faulty_count
from marks
group by quarter
having 100 * count(*) filter (where is_faulty) > {{ var('max_quarantined_pct') }} * count(*)

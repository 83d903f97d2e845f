{#- The gate: `dbt build` skips all that is below a failed test, so that the marts keep their old state. -#}
{{ config(where='true') }}

select
    quarter,
    count(*) as item_count,
    count(*) filter (where reason not in ('not_a_school', 'not_submitted')) as faulty_count
from {{ ref('stg_attendance__report_items') }}
where {{ in_requested_quarters('quarter') }}
group by quarter
having 100 * count(*) filter (where reason not in ('not_a_school', 'not_submitted')) > {{ var('max_quarantined_pct') }} * count(*)

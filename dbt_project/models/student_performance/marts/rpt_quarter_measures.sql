{{ config(materialized='view') }}

with exam_cube as (
    select * from {{ ref('rpt_exam_cube') }}
),

pass_rates as (
    select
        quarter,
        'passed' as measure,
        cast(null as {{ dbt.type_string() }}) as category,
        sum(pass_count)::bigint as counted,
        sum(student_count)::bigint as counted_among
    from exam_cube
    group by quarter
)

select
    quarter,
    measure,
    category,
    counted,
    counted_among
from pass_rates
{%- for demographic in var('demographics') %}
union all
select
    quarter,
    {{ quoted(demographic.name) }} as measure,
    {{ demographic.name }} as category,
    sum(student_count)::bigint as counted,
    sum(sum(student_count)) over (partition by quarter)::bigint as counted_among
from exam_cube
group by quarter, {{ demographic.name }}
{%- endfor %}

{{ config(tags=['size:students'], materialized='view') }}

with exam_results as (
    select * from {{ ref('fct_exam_results') }}
),

codes as (
    select * from {{ ref('dim_codes') }}
)

select
    exam_results.quarter,
    exam_results.student_id,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }}_codes.code as {{ demographic.name }}_code,
    {%- endfor %}
    {%- for subject in var('subjects') %}
    exam_results.{{ subject.name }}_score,
    {%- endfor %}
    exam_results.mean_score,
    exam_results.is_pass
from exam_results
{%- for demographic in var('demographics') %}
left join codes as {{ demographic.name }}_codes
    on
        {{ demographic.name }}_codes.dimension = {{ quoted(demographic.name) }}
        and exam_results.{{ demographic.name }} = {{ demographic.name }}_codes.value
{%- endfor %}

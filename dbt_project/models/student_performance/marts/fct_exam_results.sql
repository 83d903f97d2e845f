{{ config(tags=['size:students'], materialized='view') }}

with exam_results as (
    select * from {{ ref('stg_student_performance__exam_results') }}
),

score_ranges as (
    select * from {{ ref('score_ranges') }}
),

grades as (
    {{ grades('score_ranges') | indent(4) }}
),

averaged as (
    select
        *,
        {{ mean_of_sum(score_sum()) }} as mean_score,
        {{ passes() }} as is_pass
    from exam_results
)

select
    averaged.quarter,
    averaged.student_id,
    averaged.has_own_id,
    averaged.source_file_id,
    {%- for demographic in var('demographics') %}
    averaged.{{ demographic.name }},
    {%- endfor %}
    {%- for subject in var('subjects') %}
    averaged.{{ subject.name }}_score,
    {%- endfor %}
    averaged.mean_score,
    {{ grade('averaged.mean_score', 'averaged.is_pass') | indent(4) }} as grade,
    averaged.is_pass
from averaged
cross join grades

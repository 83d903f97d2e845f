{{ config(materialized='view') }}

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
    quarter,
    student_id,
    has_own_id,
    source_file_id,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }},
    {%- endfor %}
    {%- for subject in var('subjects') %}
    {{ subject.name }}_score,
    {%- endfor %}
    mean_score,
    {{ grade('mean_score', 'is_pass') | indent(4) }} as grade,
    is_pass
from averaged

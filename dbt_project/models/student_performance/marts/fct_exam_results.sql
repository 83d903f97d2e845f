{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
    indexes=[{'columns': ['quarter']}],
    post_hook='{{ analyze_table(this) }}',
) }}

with exam_results as (
    select * from {{ ref('stg_student_performance__exam_results') }}
),

score_ranges as (
    select * from {{ ref('score_ranges') }}
),

grades as (
    select
        array_agg({{ bound_as_score('lower_bound') }} order by range_order) as lower_bounds,
        array_agg(range_label order by range_order) as labels
    from score_ranges
    where range_scheme = 'kaggle_grade'
),

averaged as (
    select
        *,
        round(
            (
                {%- for subject in var('subjects') %}{{ ' + ' if not loop.first }}{{ subject.name }}_score{% endfor -%}
            ) / {{ var('subjects') | length }},
            4
        ) as mean_score,
        {% for subject in var('subjects') -%}
        {{ 'and ' if not loop.first }}{{ subject.name }}_score >= {{ var('pass_mark') }}
        {% endfor -%}
        as is_pass
    from exam_results
    where {{ in_requested_quarters('quarter') }}
),

graded as (
    select
        *,
        -- The ranges have no gap, so the number of lower bounds at or below the mean is the place of its range.
        case
            when is_pass
                then (select grades.labels from grades)[width_bucket(mean_score, (select grades.lower_bounds from grades))]
            else (select grades.labels from grades)[1]
        end as grade
    from averaged
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
    grade,
    is_pass
from graded

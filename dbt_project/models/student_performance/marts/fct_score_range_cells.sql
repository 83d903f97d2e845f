{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with score_sets as (
    select *
    from {{ ref('fct_score_sets') }}
    where {{ in_requested_quarters('quarter') }}
),

ranged as (
    select
        quarter,
        student_count,
        {%- for subject in var('subjects') %}
        {{ ten_point_range(subject.name ~ '_score') }} as {{ subject.name }}_range,
        {{ subject.name }}_score{{ ',' if not loop.last }}
        {%- endfor %}
    from score_sets
),

cells as (
    select
        quarter,
        {%- for subject in var('subjects') %}
        {{ subject.name }}_range,
        {{ rounded_ratio('sum(' ~ times_count(subject.name ~ '_score', 'student_count') ~ ')', 'sum(student_count)') }} as {{ subject.name }}_mean_score,
        {%- endfor %}
        sum(student_count)::bigint as student_count
    from ranged
    group by
        quarter,
        {%- for subject in var('subjects') %}
        {{ subject.name }}_range{{ ',' if not loop.last }}
        {%- endfor %}
)

select
    quarter,
    concat_ws('-', {% for subject in var('subjects') %}{{ subject.name }}_range{{ ', ' if not loop.last }}{% endfor %}) as cell_id,
    {%- for subject in var('subjects') %}
    {{ subject.name }}_range,
    {%- endfor %}
    student_count,
    {%- for subject in var('subjects') %}
    {{ subject.name }}_mean_score{{ ',' if not loop.last }}
    {%- endfor %}
from cells

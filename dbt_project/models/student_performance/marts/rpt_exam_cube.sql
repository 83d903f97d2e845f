{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}
{%- set subject_names = var('subjects') | map(attribute='name') | list %}

with score_counts as (
    select *
    from {{ ref('fct_score_counts') }}
    where {{ in_requested_quarters('quarter') }}
),

ranged as (
    select
        *,
        {{ ten_point_range('score') }} as ten_point_range
    from score_counts
)

select
    quarter,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }},
    {%- endfor %}
    sum(student_count) filter (where subject = 'overall')::bigint as student_count,
    coalesce(sum(student_count) filter (where subject = 'overall' and is_pass), 0)::bigint as pass_count,
    {%- for name in subject_names %}
    sum({{ times_count('score', 'student_count') }}) filter (where subject = {{ quoted(name) }}) as {{ name }}_score_sum,
    {%- endfor %}
    sum({{ times_count('score', 'student_count') }}) filter (where subject = 'overall') as mean_score_sum,
    {%- for name in subject_names + ['overall'] %}
    {%- set counts = [] -%}
    {%- for lower_bound in range(0, 100, 10) -%}
        {%- do counts.append(
            'coalesce(sum(student_count) filter (where subject = ' ~ quoted(name) ~ ' and ten_point_range = ' ~ lower_bound ~ '), 0)'
        ) -%}
    {%- endfor %}
    {{ integer_list(counts) }} as {{ name }}_range_counts{{ ',' if not loop.last }}
    {%- endfor %}
from ranged
group by
    quarter,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }}{{ ',' if not loop.last }}
    {%- endfor %}

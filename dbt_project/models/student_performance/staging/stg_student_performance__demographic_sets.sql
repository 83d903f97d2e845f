{{ config(tags=['size:students'], materialized='quarter_partitions') }}
{%- set demographics = var('demographics') %}

with source_sets as (
    select * from {{ source('student_performance_raw', 'exam_demographic_sets') }}
),

requested_sets as (
    select
        quarter,
        slot,
        demographic_set,
        {%- for demographic in demographics %}
        {{ corrected(demographic.name) }} as {{ demographic.name }}_text,
        {%- endfor %}
        {{ correction('student_id') }} as corrected_student_id,
        corrections is not null as is_corrected,
        line_count
    from source_sets
    where {{ in_requested_quarters('quarter') }}
),

trimmed as (
    select
        *
        {%- for demographic in demographics %},
        {{ trimmed(demographic.name ~ '_text') }} as {{ demographic.name }}_trimmed
        {%- endfor %}
    from requested_sets
),

valued as (
    select
        *
        {%- for demographic in demographics %},
        {%- if demographic.required %}
        {{ demographic.name }}_trimmed as {{ demographic.name }}
        {%- else %}
        coalesce({{ demographic.name }}_trimmed, 'not given') as {{ demographic.name }}
        {%- endif %}
        {%- endfor %}
    from trimmed
)

select
    quarter,
    slot,
    demographic_set,
    -- The same number for the same values, however they were written; it counts on from 1 in each file.
    dense_rank() over (
        partition by quarter, slot
        order by slot asc
        {%- for demographic in demographics %}, {{ by_code_point(demographic.name) }} asc nulls last{% endfor %}
    )::integer as demographic_set_id,
    {%- for demographic in demographics %}
    {{ demographic.name }}_text,
    {{ demographic.name }},
    {%- endfor %}
    corrected_student_id,
    is_corrected,
    line_count,
    case
        {%- for demographic in demographics if demographic.required %}
        when {{ demographic.name }} is null then {{ quoted(demographic.name) }}
        {%- endfor %}
        when false then ''
    end as missing_column,
    case
        {%- for demographic in demographics if demographic['values'] %}
        when {{ demographic.name }}_trimmed not in (
            {%- for value in demographic['values'] %}{{ quoted(value) }}{{ ', ' if not loop.last }}{% endfor -%}
        ) then {{ quoted(demographic.name) }}
        {%- endfor %}
        when false then ''
    end as unknown_column
from valued

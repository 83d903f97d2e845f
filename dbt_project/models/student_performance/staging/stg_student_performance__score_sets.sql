{{ config(tags=['size:students'], materialized='quarter_partitions') }}
{%- set subjects = var('subjects') %}
{#- Bounded, so that no text passes the pattern and then fails the cast. -#}
{%- set number_pattern = "'^[+-]?[0-9]{1,30}([.][0-9]{0,30})?$'" %}

with source_sets as (
    select * from {{ source('student_performance_raw', 'exam_score_sets') }}
),

requested_sets as (
    select
        quarter,
        slot,
        score_set,
        {%- for subject in subjects %}
        {{ corrected(subject.name ~ '_score') }} as {{ subject.name }}_text,
        {%- endfor %}
        line_count
    from source_sets
    where {{ in_requested_quarters('quarter') }}
),

trimmed as (
    select
        *,
        {%- for subject in subjects %}
        {{ trimmed(subject.name ~ '_text') }} as {{ subject.name }}_trimmed{{ ',' if not loop.last }}
        {%- endfor %}
    from requested_sets
),

-- Without the zeros after the point, so that 40 and 40.0 are one score in writing too.
typed as (
    select
        *,
        {%- for subject in subjects %}
        case when {{ matches(subject.name ~ '_trimmed', number_pattern) }} then {{ exact_number(subject.name ~ '_trimmed') }} end as {{ subject.name }}_score
        {{- ',' if not loop.last }}
        {%- endfor %}
    from trimmed
),

-- One case, so that reason and column cannot part: the first branch that applies gives both.
judged as (
    select
        *,
        case
            {%- for subject in subjects %}
            when {{ subject.name }}_trimmed is null then {{ quoted('missing_value:' ~ subject.name ~ '_score') }}
            {%- endfor %}
            {%- for subject in subjects %}
            when {{ subject.name }}_score is null then {{ quoted('not_a_number:' ~ subject.name ~ '_score') }}
            {%- endfor %}
            {%- for subject in subjects %}
            when {{ subject.name }}_score not between {{ var('score_minimum') }} and {{ var('score_maximum') }}
                then {{ quoted('out_of_range:' ~ subject.name ~ '_score') }}
            {%- endfor %}
        end as verdict
    from typed
)

select
    quarter,
    slot,
    score_set,
    -- The same number for the same scores, however they were written; it counts on from 1 in each file.
    dense_rank() over (
        partition by quarter, slot
        order by {% for subject in subjects %}{{ subject.name }}_score asc nulls last{{ ', ' if not loop.last }}{% endfor %}
    )::integer as score_set_id,
    {%- for subject in subjects %}
    {{ subject.name }}_text,
    {{ subject.name }}_score,
    {%- endfor %}
    line_count,
    verdict
from judged

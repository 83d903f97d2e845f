{#- Bounded, so that no text passes the pattern and then fails the cast. -#}
{%- set number_pattern = "'^[+-]?[0-9]{1,30}([.][0-9]{0,30})?$'" -%}
{%- set blanks = "e' \\t\\r\\n'" -%}

with source_lines as (
    select * from {{ source('student_performance_raw', 'exam_results') }}
),

trimmed as (
    select
        quarter,
        source_file_id,
        source_line,
        field_count_problem,
        nullif(btrim(source_student_id, {{ blanks }}), '') as source_student_id,
        {%- for demographic in var('demographics') %}
        nullif(btrim({{ demographic.name }}, {{ blanks }}), '') as {{ demographic.name }},
        {%- endfor %}
        {%- for subject in var('subjects') %}
        nullif(btrim({{ subject.name }}_score, {{ blanks }}), '') as {{ subject.name }}_text,
        {%- endfor %}
        coalesce(
            source_text,
            coalesce(source_student_id || ',', '')
            {%- for demographic in var('demographics') %}
            || coalesce({{ demographic.name }}, '') || ','
            {%- endfor %}
            {%- for subject in var('subjects') %}
            || coalesce({{ subject.name }}_score, ''){{ " || ','" if not loop.last }}
            {%- endfor %}
        ) as source_text
    from source_lines
),

typed as (
    select
        *,
        {%- for subject in var('subjects') %}
        case when {{ subject.name }}_text ~ {{ number_pattern }} then {{ subject.name }}_text::numeric end as {{ subject.name }}_score,
        {%- endfor %}
        row_number() over (partition by quarter, source_student_id order by source_line) as occurrence_of_id
    from trimmed
),

-- One case, so that reason and column cannot part: the first branch that applies gives both.
judged as (
    select
        *,
        case
            when field_count_problem is not null then array['wrong_field_count', null]
            {%- for demographic in var('demographics') if demographic.required %}
            when {{ demographic.name }} is null then array['missing_value', {{ quoted(demographic.name) }}]
            {%- endfor %}
            {%- for subject in var('subjects') %}
            when {{ subject.name }}_text is null then array['missing_value', {{ quoted(subject.name ~ '_score') }}]
            {%- endfor %}
            {%- for subject in var('subjects') %}
            when {{ subject.name }}_score is null then array['not_a_number', {{ quoted(subject.name ~ '_score') }}]
            {%- endfor %}
            {%- for subject in var('subjects') %}
            when {{ subject.name }}_score not between {{ var('score_minimum') }} and {{ var('score_maximum') }}
                then array['out_of_range', {{ quoted(subject.name ~ '_score') }}]
            {%- endfor %}
            {%- for demographic in var('demographics') if demographic['values'] %}
            when {{ demographic.name }} not in (
                {%- for value in demographic['values'] %}{{ quoted(value) }}{{ ', ' if not loop.last }}{% endfor -%}
            ) then array['unknown_category', {{ quoted(demographic.name) }}]
            {%- endfor %}
            when source_student_id is not null and occurrence_of_id > 1 then array['repeated_id', 'student_id']
        end as verdict
    from typed
)

select
    quarter,
    source_file_id,
    source_line,
    coalesce(source_student_id, md5(source_file_id || ':' || source_line::text)) as student_id,
    source_student_id is not null as has_own_id,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }},
    {%- endfor %}
    {%- for subject in var('subjects') %}
    {{ subject.name }}_score,
    {%- endfor %}
    source_text,
    verdict[1] as reason,
    verdict[2] as column_name
from judged

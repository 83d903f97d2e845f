with exam_lines as (
    select * from {{ ref('stg_student_performance__exam_lines') }}
)

select
    quarter,
    student_id,
    has_own_id,
    source_file_id,
    source_line,
    {%- for demographic in var('demographics') %}
    {%- if demographic.required %}
    {{ demographic.name }},
    {%- else %}
    coalesce({{ demographic.name }}, 'not given') as {{ demographic.name }},
    {%- endif %}
    {%- endfor %}
    {%- for subject in var('subjects') %}
    {{ subject.name }}_score{{ ',' if not loop.last }}
    {%- endfor %}
from exam_lines
where reason is null

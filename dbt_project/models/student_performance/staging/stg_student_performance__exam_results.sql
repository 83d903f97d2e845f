{{ config(tags=['size:students']) }}

with accepted_lines as (
    select * from {{ ref('stg_student_performance__accepted_lines') }}
)

select
    quarter,
    coalesce(source_student_id, md5(source_file_id || ':' || cast(source_line as {{ dbt.type_string() }}))) as student_id,
    source_student_id is not null as has_own_id,
    source_file_id,
    source_line,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }},
    {%- endfor %}
    {%- for subject in var('subjects') %}
    {{ subject.name }}_score{{ ',' if not loop.last }}
    {%- endfor %}
from accepted_lines

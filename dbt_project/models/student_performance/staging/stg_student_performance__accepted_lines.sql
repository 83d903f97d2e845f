{{ config(tags=['size:students'], materialized='view') }}

with exam_lines as (
    select * from {{ ref('stg_student_performance__exam_lines') }}
),

accepted_files as (
    select * from {{ ref('stg_student_performance__accepted_files') }}
)

select
    exam_lines.quarter,
    accepted_files.source_file_id,
    exam_lines.source_line,
    exam_lines.source_student_id,
    exam_lines.demographic_set_id,
    exam_lines.score_set_id,
    {%- for demographic in var('demographics') %}
    exam_lines.{{ demographic.name }},
    {%- endfor %}
    {%- for subject in var('subjects') %}
    {{ as_score('exam_lines.' ~ subject.name ~ '_score') }} as {{ subject.name }}_score{{ ',' if not loop.last }}
    {%- endfor %}
from exam_lines
inner join accepted_files
    on
        exam_lines.quarter = accepted_files.quarter
        and exam_lines.slot = accepted_files.slot
where exam_lines.reason is null

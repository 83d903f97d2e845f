-- depends_on: {{ ref('stg_student_performance__rejected_results') }}
{#- The tests of the rejected lines come first: where too many are rejected, these lines stay as they were. -#}
{{ config(tags=['size:students'], materialized='quarter_partitions', pre_hook='{{ prefer_hash_joins() }}') }}

with exam_lines as (
    select * from {{ ref('stg_student_performance__exam_lines') }}
)

-- What is counted by stands before the texts: Postgres reads a row from its start up to the last column that is needed.
select
    source_line,
    demographic_set_id,
    score_set_id,
    quarter,
    {%- for subject in var('subjects') %}
    {{ as_score(subject.name ~ '_score') }} as {{ subject.name }}_score,
    {%- endfor %}
    source_file_id,
    source_student_id
    {%- for demographic in var('demographics') %},
    {{ demographic.name }}
    {%- endfor %}
from exam_lines
where
    reason is null
    and {{ in_requested_quarters('quarter') }}

-- depends_on: {{ ref('stg_student_performance__accepted_lines') }}
{#- Not before the tests of the rejected lines: where too many are rejected, these sets stay as they were. -#}
{{ config(materialized='quarter_partitions') }}
{%- set subjects = var('subjects') %}

with source_files as (
    select * from {{ source('student_performance_raw', 'exam_files') }}
),

score_sets as (
    select * from {{ ref('stg_student_performance__score_sets') }}
),

rejected_results as (
    select * from {{ ref('stg_student_performance__rejected_results') }}
),

-- One set may have been written in several ways, and each was counted as the file was read: no line is looked at again.
read as (
    select
        quarter,
        score_set_id,
        {%- for subject in subjects %}
        {{ subject.name }}_score,
        {%- endfor %}
        sum(line_count) as line_count
    from score_sets
    where {{ in_requested_quarters('quarter') }}
    group by
        quarter,
        score_set_id
        {%- for subject in subjects %},
        {{ subject.name }}_score
        {%- endfor %}
),

rejected as (
    select
        quarter,
        score_set_id,
        count(*) as line_count
    from rejected_results
    where {{ in_requested_quarters('quarter') }}
    group by quarter, score_set_id
),

accepted as (
    select
        read.*,
        read.line_count - coalesce(rejected.line_count, 0) as student_count
    from read
    left join rejected
        on
            read.quarter = rejected.quarter
            and read.score_set_id = rejected.score_set_id
)

select
    accepted.quarter,
    accepted.score_set_id,
    source_files.source_file_id,
    {%- for subject in subjects %}
    {{ as_score('accepted.' ~ subject.name ~ '_score') }} as {{ subject.name }}_score,
    {%- endfor %}
    {{ passes() }} as is_pass,
    accepted.student_count::bigint as student_count
from accepted
inner join source_files
    on accepted.quarter = source_files.quarter
where accepted.student_count > 0

{{ config(materialized='quarter_partitions') }}

with accepted_lines as (
    select * from {{ ref('stg_student_performance__accepted_lines') }}
),

counted as (
    select
        quarter,
        score_set_id,
        {%- for subject in var('subjects') %}
        {{ subject.name }}_score,
        {%- endfor %}
        -- A quarter is made of one file.
        min(source_file_id) as source_file_id,
        count(*) as student_count
    from accepted_lines
    where {{ in_requested_quarters('quarter') }}
    group by
        quarter,
        score_set_id,
        {%- for subject in var('subjects') %}
        {{ subject.name }}_score{{ ',' if not loop.last }}
        {%- endfor %}
)

select
    quarter,
    score_set_id,
    source_file_id,
    {%- for subject in var('subjects') %}
    {{ subject.name }}_score,
    {%- endfor %}
    {{ passes() }} as is_pass,
    student_count
from counted

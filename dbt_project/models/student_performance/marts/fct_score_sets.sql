{{ config(materialized='quarter_partitions') }}
{%- set subjects = var('subjects') %}

with accepted_lines as (
    select * from {{ ref('stg_student_performance__accepted_lines') }}
),

score_sets as (
    select * from {{ ref('stg_student_performance__score_sets') }}
),

-- By the number of the set and not by its scores, which would take more than twice as long.
counted as (
    select
        quarter,
        score_set_id,
        -- A quarter is made of one file.
        min(source_file_id) as source_file_id,
        count(*) as student_count
    from accepted_lines
    where {{ in_requested_quarters('quarter') }}
    group by quarter, score_set_id
),

-- Distinct, since one set may have been written in several ways.
typed_sets as (
    select distinct
        quarter,
        score_set_id,
        {%- for subject in subjects %}
        {{ subject.name }}_score{{ ',' if not loop.last }}
        {%- endfor %}
    from score_sets
    where {{ in_requested_quarters('quarter') }}
)

select
    counted.quarter,
    counted.score_set_id,
    counted.source_file_id,
    {%- for subject in subjects %}
    {{ as_score('typed_sets.' ~ subject.name ~ '_score') }} as {{ subject.name }}_score,
    {%- endfor %}
    {{ passes() }} as is_pass,
    counted.student_count
from counted
inner join typed_sets
    on
        counted.quarter = typed_sets.quarter
        and counted.score_set_id = typed_sets.score_set_id

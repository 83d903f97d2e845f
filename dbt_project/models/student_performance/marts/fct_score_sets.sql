{{ config(materialized='quarter_partitions', pre_hook='{{ prefer_hash_joins() }}') }}
{%- set subjects = var('subjects') %}

with accepted_files as (
    select * from {{ ref('stg_student_performance__accepted_files') }}
),

accepted_sets as (
    select * from {{ ref('stg_student_performance__accepted_sets') }}
),

score_sets as (
    select * from {{ ref('stg_student_performance__score_sets') }}
),

counted as (
    select
        quarter,
        score_set_id,
        sum(student_count)::bigint as student_count
    from accepted_sets
    where {{ in_requested_quarters('quarter') }}
    group by quarter, score_set_id
),

-- Distinct, since one set may have been written in several ways.
scores as (
    select distinct
        score_sets.quarter,
        score_sets.score_set_id,
        accepted_files.source_file_id
        {%- for subject in subjects %},
        {{ as_score('score_sets.' ~ subject.name ~ '_score') }} as {{ subject.name }}_score
        {%- endfor %}
    from score_sets
    inner join accepted_files
        on
            score_sets.quarter = accepted_files.quarter
            and score_sets.slot = accepted_files.slot
)

select
    scores.quarter,
    scores.score_set_id,
    scores.source_file_id,
    {%- for subject in subjects %}
    scores.{{ subject.name }}_score,
    {%- endfor %}
    {{ passes() }} as is_pass,
    counted.student_count
from scores
inner join counted
    on
        scores.quarter = counted.quarter
        and scores.score_set_id = counted.score_set_id

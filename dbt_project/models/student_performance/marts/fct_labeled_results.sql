{{ config(tags=['size:students'], materialized='view') }}

with exam_results as (
    select * from {{ ref('fct_exam_results') }}
),

labeled_score_sets as (
    select * from {{ ref('fct_labeled_score_sets') }}
)

select
    exam_results.quarter,
    exam_results.student_id,
    exam_results.has_own_id,
    {%- for demographic in var('demographics') %}
    exam_results.{{ demographic.name }},
    {%- endfor %}
    {%- for subject in var('subjects') %}
    exam_results.{{ subject.name }}_score,
    {%- endfor %}
    exam_results.mean_score,
    exam_results.is_pass,
    labeled_score_sets.cluster_id,
    labeled_score_sets.cluster_label
from exam_results
-- By file too: a label is never that of the file that was there before.
left join labeled_score_sets
    on
        exam_results.quarter = labeled_score_sets.quarter
        and exam_results.source_file_id = labeled_score_sets.source_file_id
        {%- for subject in var('subjects') %}
        and exam_results.{{ subject.name }}_score = labeled_score_sets.{{ subject.name }}_score
        {%- endfor %}

{{ config(meta={'dagster': {'ref': {'name': 'fct_labeled_score_sets'}}}) }}
-- What:       Each requested quarter has as many labelled students as students.
-- Why:        A quarter whose clusters are missing would otherwise show empty segments and pass for a small cohort.
-- How to fix: Run the clustering of the quarters below, so that student_performance_ml.cluster_profiles has them; then build again.
with score_sets as (
    select * from {{ ref('fct_score_sets') }}
    where {{ in_requested_quarters('quarter') }}
),

labeled_score_sets as (
    select * from {{ ref('fct_labeled_score_sets') }}
    where {{ in_requested_quarters('quarter') }}
),

exam_counts as (
    select
        quarter,
        sum(student_count) as student_count
    from score_sets
    group by quarter
),

labeled_counts as (
    select
        quarter,
        sum(student_count) as student_count
    from labeled_score_sets
    group by quarter
)

select
    exam_counts.quarter,
    exam_counts.student_count,
    coalesce(labeled_counts.student_count, 0) as labeled_count
from exam_counts
left join labeled_counts
    on exam_counts.quarter = labeled_counts.quarter
where exam_counts.student_count <> coalesce(labeled_counts.student_count, 0)

{{ config(meta={'dagster': {'ref': {'name': 'rpt_quarters'}}}) }}
-- What:       For each requested quarter and its file, lines read = students accepted + lines rejected, by the account that was
--             recorded and by the tables themselves.
-- Why:        A line that is neither would have been lost on the way without anybody knowing.
-- How to fix: Compare the counts below. If the account differs from the tables, it was recorded for another file or before the last
--             build: run the quarter again. If the tables lack lines, look at what was changed in the staging models.
with quarters as (
    select * from {{ ref('rpt_quarters') }}
    where {{ in_requested_quarters('quarter') }}
),

rejected_results as (
    select * from {{ ref('rpt_rejected_results') }}
),

score_sets as (
    select * from {{ ref('fct_score_sets') }}
    where {{ in_requested_quarters('quarter') }}
),

rejected_counts as (
    select
        quarter,
        source_file_id,
        sum(line_count) as line_count
    from rejected_results
    group by quarter, source_file_id
),

accepted_counts as (
    select
        quarter,
        source_file_id,
        sum(student_count) as line_count
    from score_sets
    group by quarter, source_file_id
),

counted as (
    select
        quarters.quarter,
        quarters.source_file_id,
        quarters.rows_read,
        quarters.rows_trusted,
        quarters.rows_quarantined,
        coalesce(accepted_counts.line_count, 0) as accepted_count,
        coalesce(rejected_counts.line_count, 0) as rejected_count
    from quarters
    left join accepted_counts
        on
            quarters.quarter = accepted_counts.quarter
            and quarters.source_file_id = accepted_counts.source_file_id
    left join rejected_counts
        on
            quarters.quarter = rejected_counts.quarter
            and quarters.source_file_id = rejected_counts.source_file_id
)

select
    quarter,
    source_file_id,
    rows_read,
    rows_trusted,
    rows_quarantined,
    accepted_count,
    rejected_count
from counted
where
    rows_read <> rows_trusted + rows_quarantined
    or rows_trusted <> accepted_count
    or rows_quarantined <> rejected_count

{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

{%- set dimensions = [["'all'", "'all'"]] -%}
{%- for demographic in var('demographics') -%}
    {%- do dimensions.append([quoted(demographic.name), 'score_counts.' ~ demographic.name]) -%}
{%- endfor %}

with score_counts as (
    select *
    from {{ ref('fct_score_counts') }}
    where {{ in_requested_quarters('quarter') }}
),

score_ranges as (
    select * from {{ ref('score_ranges') }}
),

counts_by_dimension as (
    select
        score_counts.quarter,
        dimensions.dimension,
        dimensions.dimension_value,
        score_counts.subject,
        score_counts.score,
        score_counts.grade,
        sum(score_counts.student_count) as student_count
    from score_counts
    {{ lateral_rows(dimensions, 'dimensions', ['dimension', 'dimension_value']) | indent(4) }}
    group by
        score_counts.quarter,
        dimensions.dimension,
        dimensions.dimension_value,
        score_counts.subject,
        score_counts.score,
        score_counts.grade
),

totals as (
    select
        quarter,
        dimension,
        dimension_value,
        subject,
        sum(student_count) as student_count
    from counts_by_dimension
    group by quarter, dimension, dimension_value, subject
),

extremes as (
    select
        quarter,
        subject,
        min(score) as lowest_score,
        max(score) as highest_score
    from counts_by_dimension
    where dimension = 'all'
    group by quarter, subject
),

seeded_ranges as (
    select
        extremes.quarter,
        extremes.subject,
        score_ranges.range_scheme,
        score_ranges.range_order,
        score_ranges.range_label,
        {{ bound_as_score('score_ranges.lower_bound') }} as lower_bound,
        {{ bound_as_score('score_ranges.upper_bound') }} as upper_bound,
        score_ranges.range_order = max(score_ranges.range_order) over (
            partition by extremes.quarter, extremes.subject, score_ranges.range_scheme
        ) as is_top_range
    from extremes
    inner join score_ranges
        on score_ranges.range_scheme <> 'kaggle_grade' or extremes.subject = 'overall'
),

equal_width_bounds as (
    select
        extremes.quarter,
        extremes.subject,
        numbers.range_order,
        {{ trimmed_number('extremes.lowest_score + (extremes.highest_score - extremes.lowest_score) * (numbers.range_order - 1) / 10') }}
            as lower_bound,
        {{ trimmed_number('extremes.lowest_score + (extremes.highest_score - extremes.lowest_score) * numbers.range_order / 10') }}
            as upper_bound
    from extremes
    cross join (values (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)) as numbers (range_order)
),

ranges as (
    select
        quarter,
        subject,
        range_scheme,
        range_order,
        range_label,
        lower_bound,
        upper_bound,
        is_top_range
    from seeded_ranges

    union all

    select
        quarter,
        subject,
        'equal_width' as range_scheme,
        range_order,
        concat_ws('-', round(lower_bound, 1), round(upper_bound, 1)) as range_label,
        lower_bound,
        upper_bound,
        range_order = 10 as is_top_range
    from equal_width_bounds
),

-- A grade is given to the student, not read off the mean: a mean of 80 with one subject failed is an F.
counts_by_range as (
    select
        counts_by_dimension.quarter,
        counts_by_dimension.dimension,
        counts_by_dimension.dimension_value,
        counts_by_dimension.subject,
        ranges.range_scheme,
        ranges.range_order,
        sum(counts_by_dimension.student_count) as student_count,
        sum({{ times_count('counts_by_dimension.score', 'counts_by_dimension.student_count') }}) as score_sum
    from counts_by_dimension
    inner join ranges
        on
            counts_by_dimension.quarter = ranges.quarter
            and counts_by_dimension.subject = ranges.subject
            and case
                when ranges.range_scheme = 'kaggle_grade' then counts_by_dimension.grade = ranges.range_label
                else
                    counts_by_dimension.score >= ranges.lower_bound
                    and (
                        counts_by_dimension.score < ranges.upper_bound
                        or (ranges.is_top_range and counts_by_dimension.score = ranges.upper_bound)
                    )
            end
    group by
        counts_by_dimension.quarter,
        counts_by_dimension.dimension,
        counts_by_dimension.dimension_value,
        counts_by_dimension.subject,
        ranges.range_scheme,
        ranges.range_order
)

select
    totals.quarter,
    totals.dimension,
    totals.dimension_value,
    totals.subject,
    ranges.range_scheme,
    ranges.range_order,
    ranges.range_label,
    ranges.lower_bound,
    ranges.upper_bound,
    coalesce(counts_by_range.student_count, 0)::bigint as student_count,
    {{ rounded_ratio('100.0 * coalesce(counts_by_range.student_count, 0)', 'totals.student_count') }} as student_pct,
    {{ rounded_ratio('counts_by_range.score_sum', 'counts_by_range.student_count') }} as mean_score
from totals
inner join ranges
    on
        totals.quarter = ranges.quarter
        and totals.subject = ranges.subject
left join counts_by_range
    on
        totals.quarter = counts_by_range.quarter
        and totals.dimension = counts_by_range.dimension
        and totals.dimension_value = counts_by_range.dimension_value
        and totals.subject = counts_by_range.subject
        and ranges.range_scheme = counts_by_range.range_scheme
        and ranges.range_order = counts_by_range.range_order

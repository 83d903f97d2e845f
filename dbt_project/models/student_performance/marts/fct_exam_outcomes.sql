{{ config(materialized='view') }}
{%- set scores = var('subjects') | map(attribute='name') | list -%}
{%- set count = scores | length %}

with score_sets as (
    select * from {{ ref('fct_score_sets') }}
),

definitions as (
    select * from {{ ref('exam_definitions') }}
),

-- Everything in sums over the subjects, which are exact; a mean would be rounded.
measured as (
    select
        quarter,
        {{ score_sum() }} as score_sum,
        {% if count > 1 %}least({% endif %}{% for name in scores %}{{ name }}_score{{ ', ' if not loop.last }}{% endfor %}{% if count > 1 %}){% endif %} as lowest_score,
        student_count
    from score_sets
),

-- No definition asks for more than these two, of which there are far fewer than sets of scores.
counted as (
    select
        quarter,
        score_sum,
        lowest_score,
        sum(student_count)::bigint as student_count
    from measured
    group by quarter, score_sum, lowest_score
),

in_quarter as (
    select
        *,
        min(score_sum) over (partition by quarter) as least_sum,
        max(score_sum) over (partition by quarter) as greatest_sum,
        min(lowest_score) over (partition by quarter) as least_score,
        max(lowest_score) over (partition by quarter) as greatest_score
    from counted
),

-- What is compared, times 100 like the bounds' products, so that nothing is divided: how far above the scale's beginning it is.
compared as (
    select
        in_quarter.quarter,
        in_quarter.score_sum,
        in_quarter.lowest_score,
        in_quarter.student_count,
        definitions.definition,
        definitions.authority,
        definitions.version,
        definitions.outcome,
        definitions.measure,
        definitions.subject_minimum,
        definitions.scale,
        definitions.lower_bound,
        definitions.includes_lower,
        definitions.upper_bound,
        definitions.includes_upper,
        case
            when in_quarter.lowest_score < {{ bound_as_score('definitions.subject_minimum') }} then 0
            when definitions.scale = 'observed' and definitions.measure = 'mean'
                then 100 * (in_quarter.score_sum - in_quarter.least_sum)
            when definitions.scale = 'observed' then 100 * (in_quarter.lowest_score - in_quarter.least_score)
            when definitions.measure = 'mean' then 100 * (in_quarter.score_sum - {{ count * var('score_minimum') }})
            else 100 * (in_quarter.lowest_score - {{ var('score_minimum') }})
        end as reached,
        case
            when definitions.scale = 'observed' and definitions.measure = 'mean' then in_quarter.greatest_sum - in_quarter.least_sum
            when definitions.scale = 'observed' then in_quarter.greatest_score - in_quarter.least_score
            when definitions.measure = 'mean' then {{ count * (var('score_maximum') - var('score_minimum')) }}
            else {{ var('score_maximum') - var('score_minimum') }}
        end as width
    from in_quarter
    cross join definitions
)

select
    quarter,
    score_sum,
    {{ mean_of_sum('score_sum') }} as mean_score,
    lowest_score,
    definition,
    authority,
    version,
    outcome,
    measure,
    subject_minimum,
    scale,
    lower_bound,
    includes_lower,
    upper_bound,
    includes_upper,
    -- The ends of a scale bound nothing.
    (reached = lower_bound * width and lower_bound > 0) or (reached = upper_bound * width and upper_bound < 100) as is_on_bound,
    student_count
from compared
where
    -- Where all students have the same scores, the observed scale has no width: they are in its first range.
    (width = 0 and lower_bound = 0)
    or (
        width > 0
        and (reached > lower_bound * width or (includes_lower and reached = lower_bound * width))
        and (reached < upper_bound * width or (includes_upper and reached = upper_bound * width))
    )

{{ config(materialized='quarter_partitions', pre_hook='{{ prefer_hash_joins() }}') }}
{%- set accepted_with_scores -%}
    from {{ ref('stg_student_performance__accepted_sets') }} as accepted_sets
    inner join {{ ref('fct_score_sets') }} as score_sets
        on
            accepted_sets.quarter = score_sets.quarter
            and accepted_sets.score_set_id = score_sets.score_set_id
    where {{ in_requested_quarters('accepted_sets.quarter') }}
{%- endset -%}
{%- set demographic_columns = var('demographics') | map(attribute='name') | list %}

with accepted_demographics as (
    select * from {{ ref('stg_student_performance__accepted_demographics') }}
),

score_ranges as (
    select * from {{ ref('score_ranges') }}
),

grades as (
    {{ grades('score_ranges') | indent(4) }}
),

-- By the numbers of the sets and not by their texts, which would take four times as long. One pass over grouping sets does not run
-- in parallel and, at ten million lines, sorts them: it takes half as long again. The sets are named in each part: a CTE that is
-- used several times would be copied first.
counts_by_set as (
    {%- for subject in var('subjects') %}
    select
        accepted_sets.quarter,
        accepted_sets.demographic_set_id,
        {{ quoted(subject.name) }} as subject,
        score_sets.{{ subject.name }}_score as score,
        null::boolean as is_pass,
        sum(accepted_sets.student_count) as student_count
    {{ accepted_with_scores }}
    group by accepted_sets.quarter, accepted_sets.demographic_set_id, score_sets.{{ subject.name }}_score

    union all
    {% endfor %}
    select
        accepted_sets.quarter,
        accepted_sets.demographic_set_id,
        'overall' as subject,
        {{ score_sum() }} as score,
        score_sets.is_pass,
        sum(accepted_sets.student_count) as student_count
    {{ accepted_with_scores }}
    group by accepted_sets.quarter, accepted_sets.demographic_set_id, {{ score_sum() }}, score_sets.is_pass
),

-- Several sums may have the same mean to four decimals.
scored as (
    select
        quarter,
        demographic_set_id,
        subject,
        is_pass,
        case when subject = 'overall' then {{ mean_of_sum('score') }} else score end as score,
        sum(student_count)::bigint as student_count
    from counts_by_set
    group by
        quarter,
        demographic_set_id,
        subject,
        is_pass,
        case when subject = 'overall' then {{ mean_of_sum('score') }} else score end
)

select
    scored.quarter,
    {%- for name in demographic_columns %}
    accepted_demographics.{{ name }},
    {%- endfor %}
    scored.subject,
    {{ as_score('scored.score') }} as score,
    case when scored.subject = 'overall' then {{ grade('scored.score', 'scored.is_pass') | indent(4) }} end as grade,
    scored.is_pass,
    scored.student_count
from scored
inner join accepted_demographics
    on
        scored.quarter = accepted_demographics.quarter
        and scored.demographic_set_id = accepted_demographics.demographic_set_id
cross join grades

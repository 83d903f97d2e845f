{{ config(materialized='quarter_partitions', pre_hook='{{ prefer_hash_joins() }}') }}
{%- set demographic_columns = var('demographics') | map(attribute='name') | list %}

with demographic_sets as (
    select * from {{ ref('stg_student_performance__demographic_sets') }}
),

score_ranges as (
    select * from {{ ref('score_ranges') }}
),

grades as (
    {{ grades('score_ranges') | indent(4) }}
),

-- By the number of the demographic set and not by its texts, which would take four times as long. One pass over grouping
-- sets does not run in parallel and, at ten million lines, sorts them: it takes half as long again. The lines are named in each
-- part: a CTE that is used several times would be copied first.
counts_by_set as (
    {%- for subject in var('subjects') %}
    select
        quarter,
        demographic_set_id,
        {{ quoted(subject.name) }} as subject,
        {{ subject.name }}_score as score,
        null::boolean as is_pass,
        count(*) as student_count
    from {{ ref('stg_student_performance__accepted_lines') }}
    where {{ in_requested_quarters('quarter') }}
    group by quarter, demographic_set_id, {{ subject.name }}_score

    union all
    {% endfor %}
    select
        quarter,
        demographic_set_id,
        'overall' as subject,
        {{ score_sum() }} as score,
        {{ passes() }} as is_pass,
        count(*) as student_count
    from {{ ref('stg_student_performance__accepted_lines') }}
    where {{ in_requested_quarters('quarter') }}
    group by quarter, demographic_set_id, {{ score_sum() }}, {{ passes() }}
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
),

-- Distinct, since one set may have been written in several ways.
sets as (
    select distinct
        quarter,
        demographic_set_id
        {%- for demographic in var('demographics') %},
        {{ demographic.name }}
        {%- endfor %}
    from demographic_sets
)

select
    scored.quarter,
    {%- for name in demographic_columns %}
    sets.{{ name }},
    {%- endfor %}
    scored.subject,
    {{ as_score('scored.score') }} as score,
    case when scored.subject = 'overall' then {{ grade('scored.score', 'scored.is_pass') | indent(4) }} end as grade,
    scored.is_pass,
    scored.student_count
from scored
inner join sets
    on
        scored.quarter = sets.quarter
        and scored.demographic_set_id = sets.demographic_set_id
cross join grades

{{ config(tags=['size:students']) }}

with source_lines as (
    select * from {{ source('student_performance_raw', 'exam_lines') }}
),

demographic_sets as (
    select * from {{ ref('stg_student_performance__demographic_sets') }}
),

score_sets as (
    select * from {{ ref('stg_student_performance__score_sets') }}
),

repeated_ids as (
    select * from {{ ref('stg_student_performance__repeated_ids') }}
),

-- Each distinct set of values is judged once; the lines only look up what was found.
judged as (
    select
        source_lines.quarter,
        source_lines.slot,
        source_lines.source_line,
        coalesce(
            demographic_sets.corrected_student_id, {{ trimmed('source_lines.source_student_id') }}
        ) as source_student_id,
        demographic_sets.demographic_set_id,
        score_sets.score_set_id,
        {%- for demographic in var('demographics') %}
        demographic_sets.{{ demographic.name }},
        {%- endfor %}
        {%- for subject in var('subjects') %}
        score_sets.{{ subject.name }}_score,
        {%- endfor %}
        coalesce(
            source_lines.source_text,
            coalesce(source_lines.source_student_id || ',', '')
            {%- for demographic in var('demographics') %}
            || coalesce(demographic_sets.{{ demographic.name }}_text, '') || ','
            {%- endfor %}
            {%- for subject in var('subjects') %}
            || coalesce(score_sets.{{ subject.name }}_text, ''){{ " || ','" if not loop.last }}
            {%- endfor %}
        ) as source_text,
        case
            when
                source_lines.field_count_problem is not null and not coalesce(demographic_sets.is_corrected, false)
                then 'wrong_field_count'
            when demographic_sets.missing_column is not null then 'missing_value:' || demographic_sets.missing_column
            when score_sets.verdict is not null then score_sets.verdict
            when demographic_sets.unknown_column is not null then 'unknown_category:' || demographic_sets.unknown_column
            when
                source_lines.source_line > repeated_ids.first_line and demographic_sets.corrected_student_id is null
                then 'repeated_id:student_id'
        end as verdict
    from source_lines
    left join demographic_sets
        on
            source_lines.quarter = demographic_sets.quarter
            and source_lines.slot = demographic_sets.slot
            and source_lines.demographic_set = demographic_sets.demographic_set
    left join score_sets
        on
            source_lines.quarter = score_sets.quarter
            and source_lines.slot = score_sets.slot
            and source_lines.score_set = score_sets.score_set
    left join repeated_ids
        on
            source_lines.quarter = repeated_ids.quarter
            and source_lines.slot = repeated_ids.slot
            and {{ trimmed('source_lines.source_student_id') }} = repeated_ids.source_student_id
)

select
    quarter,
    slot,
    source_line,
    source_student_id,
    demographic_set_id,
    score_set_id,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }},
    {%- endfor %}
    {%- for subject in var('subjects') %}
    {{ subject.name }}_score,
    {%- endfor %}
    source_text,
    split_part(verdict, ':', 1) as reason,
    nullif(split_part(verdict, ':', 2), '') as column_name
from judged

{#- The lower bound, 0 to 90, of the ten-point range that a score falls in: 100 belongs to 90-100. In points of a scale of 0 to
    100, onto which the contract's bounds are stretched. The seed score_ranges says the same; a test compares the two. -#}
{% macro ten_point_range(score) -%}
    {%- set minimum = var('score_minimum') -%}
    {%- set width = var('score_maximum') - minimum -%}
    (least(floor(({{ score }} - {{ minimum }}) * 10 / {{ width }}), 9) * 10)::smallint
{%- endmacro %}

{#- A bound of the seed score_ranges, a percentage of the scale, as a score. -#}
{% macro bound_as_score(bound) -%}
    trim_scale(({{ var('score_minimum') }} + {{ bound }} * {{ var('score_maximum') - var('score_minimum') }} / 100)::numeric)
{%- endmacro %}

{#- How many students have each score: one row a quarter, demographic cell, subject and score ('overall': the mean score, also
    by grade and pass). One pass over the students, however many they are; what follows works on these few rows. -#}
{% macro score_counts(results) -%}
    {%- set demographic_columns = var('demographics') | map(attribute='name') | join(', ') -%}
    select
        quarter,
        {{ demographic_columns }},
        case
            {%- for subject in var('subjects') %}
            when grouping({{ subject.name }}_score) = 0 then {{ quoted(subject.name) }}
            {%- endfor %}
            else 'overall'
        end as subject,
        case
            {%- for subject in var('subjects') %}
            when grouping({{ subject.name }}_score) = 0 then {{ subject.name }}_score
            {%- endfor %}
            else mean_score
        end as score,
        grade,
        is_pass,
        count(*) as student_count
    from {{ results }}
    group by grouping sets (
        {%- for subject in var('subjects') %}
        (quarter, {{ demographic_columns }}, {{ subject.name }}_score),
        {%- endfor %}
        (quarter, {{ demographic_columns }}, mean_score, grade, is_pass)
    )
{%- endmacro %}

{#- The lower bound, 0 to 90, of the ten-point range that a score falls in: 100 belongs to 90-100. In points of a scale of 0 to
    100, onto which the contract's bounds are stretched. The seed score_ranges says the same; a test compares the two. -#}
{% macro ten_point_range(score) -%}
    {%- set minimum = var('score_minimum') -%}
    {%- set width = var('score_maximum') - minimum -%}
    cast(least(floor(({{ score }} - {{ minimum }}) * 10 / {{ width }}), 9) * 10 as smallint)
{%- endmacro %}

{#- A bound of the seed score_ranges, a percentage of the scale, as a score. -#}
{% macro bound_as_score(bound) -%}
    {{ trimmed_number(var('score_minimum') ~ ' + ' ~ bound ~ ' * ' ~ (var('score_maximum') - var('score_minimum')) ~ ' / 100') }}
{%- endmacro %}

{#- The sum of a student's scores, the mean that ranges and grades are taken from, and whether the student passes. -#}
{% macro score_sum() -%}
    {%- for subject in var('subjects') %}{{ ' + ' if not loop.first }}{{ subject.name }}_score{% endfor -%}
{%- endmacro %}

{% macro mean_of_sum(score_sum) -%}
    {{ rounded_ratio('(' ~ score_sum ~ ')', var('subjects') | length) }}
{%- endmacro %}

{% macro passes() -%}
    {%- for subject in var('subjects') %}{{ ' and ' if not loop.first }}{{ subject.name }}_score >= {{ var('pass_mark') }}{% endfor -%}
{%- endmacro %}

{#- The kaggle_grade ranges as two arrays, lowest first; `grade` looks a student's up in a CTE `grades` of this one row, joined to every student. -#}
{% macro grades(score_ranges) -%}
    select
        {{ ordered_list(bound_as_score('lower_bound'), 'range_order') }} as lower_bounds,
        {{ ordered_list('range_label', 'range_order') }} as labels
    from {{ score_ranges }}
    where range_scheme = 'kaggle_grade'
{%- endmacro %}

{#- The ranges have no gap, so the number of lower bounds at or below the mean is the place of its range. -#}
{% macro grade(mean_score, is_pass) -%}
    case
        when {{ is_pass }}
            then {{ item('grades.labels', place_among(mean_score, 'grades.lower_bounds')) }}
        else {{ item('grades.labels', 1) }}
    end
{%- endmacro %}

{#- Quarters are text such as 2026Q4, and sort as text. -#}

{#- The label after, or before, a label. -#}
{% macro quarter_after(label) -%}
    {%- set year, number = label[:4] | int, label[5:] | int -%}
    {{ return(year ~ 'Q' ~ (number + 1) if number < 4 else (year + 1) ~ 'Q1') }}
{%- endmacro %}

{% macro quarter_before(label) -%}
    {%- set year, number = label[:4] | int, label[5:] | int -%}
    {{ return(year ~ 'Q' ~ (number - 1) if number > 1 else (year - 1) ~ 'Q4') }}
{%- endmacro %}

{#- The quarter after that of an SQL expression. -#}
{% macro following_quarter(quarter) -%}
    case right({{ quarter }}, 1)
        when '4' then cast(cast(left({{ quarter }}, 4) as integer) + 1 as {{ dbt.type_string() }}) || 'Q1'
        else left({{ quarter }}, 5) || cast(cast(right({{ quarter }}, 1) as integer) + 1 as {{ dbt.type_string() }})
    end
{%- endmacro %}

{#- The condition that a row belongs to this build. A full refresh drops the table, so it takes every quarter there is:
    keeping to the requested ones would lose the others. The labels stand in the condition, so that no other partition is read. -#}
{% macro in_requested_quarters(column='quarter') -%}
    {{ in_quarters(column, var('quarters')) }}
{%- endmacro %}

{#- The same for a table that compares a quarter with the one before it: a new quarter changes the following one's rows. -#}
{% macro in_requested_and_following_quarters(column='quarter') -%}
    {{ in_quarters(column, requested_quarters_and(quarter_after)) }}
{%- endmacro %}

{#- Those quarters with which such a table compares the requested and the following ones. -#}
{% macro in_requested_and_preceding_quarters(column='quarter') -%}
    {{ in_quarters(column, requested_quarters_and(quarter_before)) }}
{%- endmacro %}

{% macro requested_quarters_and(neighbour) -%}
    {%- set quarters = var('quarters') | list -%}
    {%- for quarter in var('quarters') if neighbour(quarter) not in quarters -%}
        {%- do quarters.append(neighbour(quarter)) -%}
    {%- endfor -%}
    {{ return(quarters) }}
{%- endmacro %}

{% macro in_quarters(column, quarters) -%}
    {%- if flags.FULL_REFRESH -%}
        true
    {%- else -%}
        {{ column }} in ({% for quarter in quarters %}{{ quoted(quarter) }}{{ ', ' if not loop.last }}{% endfor %})
    {%- endif -%}
{%- endmacro %}

{#- The first day of a month, counted from 0 in January of the year; 12 is January of the next. -#}
{% macro first_of_month(year, month) -%}
    make_date({{ year }} + cast(floor({{ month }} / 12) as integer), cast(mod({{ month }}, 12) as integer) + 1, 1)
{%- endmacro %}

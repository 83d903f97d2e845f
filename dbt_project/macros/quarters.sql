{#- Quarters are text such as 2026Q4, and sort as text. -#}

{#- The label after, or before, a label. -#}
{% macro quarter_after(label) -%}
    {%- set year, number = label[:4] | int, label[5:] | int -%}
    {{- year ~ 'Q' ~ (number + 1) if number < 4 else (year + 1) ~ 'Q1' -}}
{%- endmacro %}

{% macro quarter_before(label) -%}
    {%- set year, number = label[:4] | int, label[5:] | int -%}
    {{- year ~ 'Q' ~ (number - 1) if number > 1 else (year - 1) ~ 'Q4' -}}
{%- endmacro %}

{#- The quarter after that of an SQL expression. -#}
{% macro following_quarter(quarter) -%}
    case right({{ quarter }}, 1)
        when '4' then cast(cast(left({{ quarter }}, 4) as integer) + 1 as {{ dbt.type_string() }}) || 'Q1'
        else left({{ quarter }}, 5) || cast(cast(right({{ quarter }}, 1) as integer) + 1 as {{ dbt.type_string() }})
    end
{%- endmacro %}

{#- The condition that a row belongs to this build. A full refresh drops the table, so it takes every quarter there is:
    keeping to the requested ones would lose the others. The labels stand in the condition, so that no other partition is read;
    one that stands there twice does no harm. -#}
{% macro in_requested_quarters(column='quarter') -%}
    {%- set labels -%}
        {%- for quarter in var('quarters') -%}{{ quoted(quarter) }}{{ ', ' if not loop.last }}{%- endfor -%}
    {%- endset -%}
    {{ in_quarters(column, labels) }}
{%- endmacro %}

{#- The same for a table that compares a quarter with the one before it: a new quarter changes the following one's rows. -#}
{% macro in_requested_and_following_quarters(column='quarter') -%}
    {%- set labels -%}
        {%- for quarter in var('quarters') -%}
        {{ quoted(quarter) }}, {{ quoted(quarter_after(quarter)) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    {%- endset -%}
    {{ in_quarters(column, labels) }}
{%- endmacro %}

{#- Those quarters with which such a table compares the requested and the following ones. -#}
{% macro in_requested_and_preceding_quarters(column='quarter') -%}
    {%- set labels -%}
        {%- for quarter in var('quarters') -%}
        {{ quoted(quarter_before(quarter)) }}, {{ quoted(quarter) }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    {%- endset -%}
    {{ in_quarters(column, labels) }}
{%- endmacro %}

{% macro in_quarters(column, labels) -%}
    {%- if flags.FULL_REFRESH -%}true{%- else -%}{{ column }} in ({{ labels }}){%- endif -%}
{%- endmacro %}

{#- The first day of a month, counted from 0 in January of the year; 12 is January of the next. -#}
{% macro first_of_month(year, month) -%}
    make_date({{ year }} + cast(floor({{ month }} / 12) as integer), cast(mod({{ month }}, 12) as integer) + 1, 1)
{%- endmacro %}

{#- Quarters are text such as 2026Q4, and sort as text. -#}

{#- The quarter before, or after, that of an SQL expression. -#}
{% macro previous_quarter(quarter) -%}
    case right({{ quarter }}, 1)
        when '1' then cast(cast(left({{ quarter }}, 4) as integer) - 1 as {{ dbt.type_string() }}) || 'Q4'
        else left({{ quarter }}, 5) || cast(cast(right({{ quarter }}, 1) as integer) - 1 as {{ dbt.type_string() }})
    end
{%- endmacro %}

{% macro following_quarter(quarter) -%}
    case right({{ quarter }}, 1)
        when '4' then cast(cast(left({{ quarter }}, 4) as integer) + 1 as {{ dbt.type_string() }}) || 'Q1'
        else left({{ quarter }}, 5) || cast(cast(right({{ quarter }}, 1) as integer) + 1 as {{ dbt.type_string() }})
    end
{%- endmacro %}

{#- The condition that a row belongs to this build. A full refresh drops the table, so it takes every quarter there is:
    keeping to the requested ones would lose the others. -#}
{% macro in_requested_quarters(column='quarter') -%}
    {%- if flags.FULL_REFRESH -%}
        true
    {%- else -%}
        {{ column }} in (
            {%- for quarter in var('quarters') %}{{ quoted(quarter) }}{{ ', ' if not loop.last }}{% endfor -%}
        )
    {%- endif -%}
{%- endmacro %}

{#- The same for a table that compares a quarter with the one before it: a new quarter changes the following one's rows. -#}
{% macro in_requested_and_following_quarters(column='quarter') -%}
    ({{ in_requested_quarters(column) }} or {{ in_requested_quarters(previous_quarter(column)) }})
{%- endmacro %}

{#- The first day of a month, counted from 0 in January of the year; 12 is January of the next. -#}
{% macro first_of_month(year, month) -%}
    make_date({{ year }} + cast(floor({{ month }} / 12) as integer), cast(mod({{ month }}, 12) as integer) + 1, 1)
{%- endmacro %}

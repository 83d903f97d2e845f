{#- A text as a day, where it is one written as 2026-10-05; otherwise null. -#}
{% macro iso_date(text) -%}
    case
        when
            {{ matches('btrim(' ~ text ~ ')', "'^[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}$'") }}
            and to_char(
                to_date(left(btrim({{ text }}), 7), 'YYYY-MM') + cast(right(btrim({{ text }}), 2) as integer) - 1, 'YYYY-MM-DD'
            )
            = btrim({{ text }})
            then to_date(btrim({{ text }}), 'YYYY-MM-DD')
    end
{%- endmacro %}

{#- A person's name to compare by: lower case, one space between words; empty where there is none. -#}
{% macro name_key(text) -%}
    coalesce(lower(regexp_replace(btrim({{ text }}), '\s+', ' ', 'g')), '')
{%- endmacro %}

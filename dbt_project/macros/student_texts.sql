{#- A text as a day, where it is one written as 2026-10-05; otherwise null. -#}
{% macro iso_date(text) -%}
    {{ valid_date('trim(' ~ text ~ ')') }}
{%- endmacro %}

{#- A person's name to compare by: lower case, one space between words; empty where there is none. -#}
{% macro name_key(text) -%}
    coalesce(lower({{ replaced_all(without_blanks(text), "'[ \\t\\r\\n]+'", "' '") }}), '')
{%- endmacro %}

{#- Text as an SQL literal, its apostrophes doubled. -#}
{% macro quoted(text) -%}
    '{{ text | string | replace("'", "''") }}'
{%- endmacro %}

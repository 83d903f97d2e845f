{#- Text as an SQL literal, its apostrophes doubled. -#}
{% macro quoted(text) -%}
    '{{ text | string | replace("'", "''") }}'
{%- endmacro %}

{#- Text without the blanks around it; null where nothing is left. -#}
{% macro trimmed(text) -%}
    nullif({{ without_blanks(text) }}, '')
{%- endmacro %}

{#- dbt types the rows of a unit test by the columns' types, and Postgres gives every array's type as ARRAY, which is none to
    cast to. The project's arrays hold counts. -#}
{% macro postgres__safe_cast(field, type) -%}
    cast({{ field }} as {{ 'integer[]' if type | upper == 'ARRAY' else type }})
{%- endmacro %}

{#- The fixtures write an array as Postgres does. -#}
{% macro spark__safe_cast(field, type) -%}
    {%- if type | lower == 'array<int>' -%}
        from_json(translate({{ field }}, '{}', '[]'), 'array<int>')
    {%- else -%}
        cast({{ field }} as {{ type }})
    {%- endif -%}
{%- endmacro %}

{#- Raw rows stay as they came; beside a corrected row's values stands `corrections`, a JSON object of what to take instead
    (orchestration/core/corrections.py). It is empty in nearly all rows. -#}

{#- A column's corrected value, or null; `rows` is the name of the rows where it must be said. -#}
{% macro correction(column, rows=none) -%}
    {{ return(adapter.dispatch('correction')(column, rows ~ '.' if rows else '')) }}
{%- endmacro %}
{% macro default__correction(column, of) -%}nullif({{ of }}corrections, '')::jsonb ->> '{{ column }}'{%- endmacro %}
{% macro spark__correction(column, of) -%}get_json_object({{ of }}corrections, '$.{{ column }}'){%- endmacro %}

{#- A raw column with its correction. -#}
{% macro corrected(column, rows=none) -%}
    coalesce({{ correction(column, rows) }}, {{ rows ~ '.' if rows else '' }}{{ column }})
{%- endmacro %}

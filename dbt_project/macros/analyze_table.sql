{#- Without statistics of a quarter just written, Postgres expects one row of it and joins what follows by nested loops, which for a
    million students does not end. -#}
{% macro analyze_table(relation) -%}
    analyze {{ relation }}
{%- endmacro %}

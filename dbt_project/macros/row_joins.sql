{#- A join of all rows with a table of their distinct values: the planner misjudges an equality of several texts and would sort the
    millions of rows for a merge join; a hash table of the few values takes a sixth of the time. -#}
{% macro prefer_hash_joins() -%}
    {%- if target.type == 'postgres' %}set local enable_mergejoin = off{% endif %}
{%- endmacro %}

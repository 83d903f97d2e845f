{#- A join of all rows with a table of their distinct values: the planner misjudges an equality of several texts and would sort the
    millions of rows for a merge join; a hash table of the few values takes a sixth of the time. -#}
{% macro prefer_hash_joins() -%}
    {%- if target.type == 'postgres' %}set local enable_mergejoin = off{% endif %}
{%- endmacro %}

{#- A hook after a table of a row a student: what was just written is known to the planner at once. Until then it goes by the rows that
    the table had before, and joins many thousands of new ones by looking each up. A sample of fixed size is read. -#}
{% macro analyze_rows() -%}
    {%- if target.type == 'postgres' %}analyze {{ this }}{% endif %}
{%- endmacro %}

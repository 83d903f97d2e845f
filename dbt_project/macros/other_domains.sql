{#- Whether a mart of another domain is there. A domain can run where that one never has; what it would read is then empty. While dbt
    parses, every mart counts as there, so that it knows what depends on what. Unit tests say it by an override. -#}
{% macro is_built(relation) -%}
    {{ return(not execute or load_relation(relation) is not none) }}
{%- endmacro %}

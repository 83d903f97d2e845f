{#- A test's `where` is plain text to dbt. These words in it stand for the quarters of this build. -#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') or '' -%}
    {%- set where = where
        | replace('__requested_quarters__', in_requested_quarters('quarter'))
        | replace('__requested_and_following_quarters__', in_requested_and_following_quarters('quarter')) -%}
    {%- if where -%}
        {% do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as rows_to_test') %}
    {%- else -%}
        {% do return(relation) %}
    {%- endif -%}
{%- endmacro %}

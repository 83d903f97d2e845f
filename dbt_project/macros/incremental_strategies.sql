{#- Incremental strategies that replace rows by the quarters requested, not by the keys found in the new rows: a requested
    quarter that has no row any more loses its old ones. Delete and insert are one transaction, so that a reader sees the
    old rows or the new ones. dbt finds a strategy by the name get_incremental_<strategy>_sql. -#}

{% macro get_incremental_replace_requested_quarters_sql(arg_dict) %}
    {{ return(replace_rows_sql(arg_dict, in_requested_quarters('quarter'))) }}
{% endmacro %}

{% macro get_incremental_replace_requested_and_following_quarters_sql(arg_dict) %}
    {{ return(replace_rows_sql(arg_dict, in_requested_and_following_quarters('quarter'))) }}
{% endmacro %}

{#- For a small table computed whole, mostly to the rows that stand already, and these stay: all that reads them is as it was.
    A swapped table would take the views on it away until they are built again. -#}
{% macro get_incremental_replace_everything_sql(arg_dict) %}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set standing = 'standing.' ~ columns | replace(', ', ', standing.') -%}
    {%- set target, computed = arg_dict['target_relation'], arg_dict['temp_relation'] -%}
    {{ grants_sql(target) }}
    delete from {{ target }} as standing
    using (select {{ columns }} from {{ target }} except select {{ columns }} from {{ computed }}) as gone
    where ({{ standing }}) is not distinct from ({{ standing | replace('standing.', 'gone.') }});

    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ computed }} except select {{ columns }} from {{ target }}
{% endmacro %}

{% macro replace_rows_sql(arg_dict, condition) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {{ grants_sql(arg_dict['target_relation']) }}
    delete from {{ arg_dict['target_relation'] }} where {{ condition }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{#- dbt's own view materialization renames the old view away and drops it with all that reads it, so that a reader
    finds no view for a moment. Postgres can replace a view where it stands, as long as its columns stay the same; when a newer
    version of Quarterdeck changes them, the view is dropped and made anew at once, unless something else is made from it. -#}
{% materialization view, adapter='postgres' -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type='view') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if existing_relation is not none and (should_full_refresh() or not existing_relation.is_view) %}
        {{ drop_relation_if_exists(existing_relation) }}
    {% endif %}

    {% call statement('main') -%}
        do $materialization$
        begin
            {{ get_replace_view_sql(target_relation, sql) }}
        exception when invalid_table_definition then
            drop view {{ target_relation }};
            {{ get_replace_view_sql(target_relation, sql) }}
        end
        $materialization$;
        {{ grants_sql(target_relation) }}
    {%- endcall %}

    {% do persist_docs(target_relation, model) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{#- A table of many rows, partitioned by quarter. Each quarter that the build replaces is written once, into a table of its own that
    then takes the old one's place: readers see the old quarter until the commit, history is neither read nor changed, and no
    space is left to clean up. With `replaces='requested_and_following'`, the quarter after a requested one is made again where
    it is there. -#}
{% materialization quarter_partitions, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {% if config.get('contract').enforced %}
        {{ get_assert_columns_equivalent(sql) }}
    {% endif %}
    {% if existing_relation is not none and (should_full_refresh() or not is_partitioned(target_relation)) %}
        {{ drop_relation_if_exists(existing_relation) }}
        {% set existing_relation = none %}
    {% endif %}

    {%- set ns = namespace(row_count=0) -%}
    {% for quarter in quarters_to_replace(target_relation, sql) %}
        {%- set partition = partition_of(target_relation, quarter) -%}
        {%- set filling = partition_of(target_relation, quarter ~ '_new') -%}
        {% call statement('drop_left_over') -%}
            drop table if exists {{ filling }}
        {%- endcall %}
        {% call statement('main') -%}
            create table {{ filling }} as
            select * from (
                {{ sql | indent(16) }}
            ) as rows_of_all_quarters
            where quarter = {{ quoted(quarter) }}
        {%- endcall %}
        {%- set ns.row_count = ns.row_count + load_result('main')['response'].rows_affected -%}
        {% call statement('constrain') -%}
            alter table {{ filling }}
            {%- for name in not_null_columns() %}
            alter column {{ adapter.quote(name) }} set not null,
            {%- endfor %}
            add constraint one_quarter check (quarter = {{ quoted(quarter) }});
            analyze {{ filling }};
            create table if not exists {{ target_relation }} (like {{ filling }}) partition by list (quarter)
        {%- endcall %}
        {% if existing_relation is not none %}
            {% do refuse_other_columns(target_relation, filling) %}
        {% endif %}
        {% call statement('swap') -%}
            drop table if exists {{ partition }};
            alter table {{ filling }} rename to {{ partition.include(database=false, schema=false) }};
            alter table {{ target_relation }} attach partition {{ partition }} for values in ({{ quoted(quarter) }});
            alter table {{ partition }} drop constraint one_quarter;
            {{ grants_sql(target_relation) }}
        {%- endcall %}
    {% endfor %}
    {% do store_raw_result('main', message='INSERT ' ~ ns.row_count, code='INSERT', rows_affected=ns.row_count) %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}

    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{% macro quarters_to_replace(relation, sql) -%}
    {%- if flags.FULL_REFRESH -%}
        {{ return(run_query('select distinct quarter from (' ~ sql ~ ') as all_quarters order by quarter').columns[0].values()) }}
    {%- endif -%}
    {%- set quarters = var('quarters') | list -%}
    {%- if config.get('replaces') == 'requested_and_following' -%}
        {%- for quarter in var('quarters') -%}
            {%- set following = quarter_after(quarter) -%}
            {%- set partition = partition_of(relation, following) -%}
            {%- if following not in quarters and adapter.get_relation(partition.database, partition.schema, partition.identifier) -%}
                {%- do quarters.append(following) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(quarters) }}
{%- endmacro %}

{% macro partition_of(relation, quarter) -%}
    {{ return(api.Relation.create(
        database=relation.database, schema=relation.schema, identifier=relation.identifier ~ '_' ~ quarter | lower, type='table'
    )) }}
{%- endmacro %}

{% macro is_partitioned(relation) -%}
    {%- set found = run_query(
        "select 1 from pg_partitioned_table where partrelid = to_regclass('" ~ relation.include(database=false) ~ "')"
    ) -%}
    {{ return(found.rows | length > 0) }}
{%- endmacro %}

{% macro not_null_columns() -%}
    {%- set names = [] -%}
    {%- if config.get('contract').enforced -%}
        {%- for column in model.columns.values() if column.constraints | selectattr('type', 'equalto', 'not_null') | list -%}
            {%- do names.append(column.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names) }}
{%- endmacro %}

{% macro refuse_other_columns(relation, filling) -%}
    {%- set old = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set new = adapter.get_columns_in_relation(filling) | map(attribute='name') | list -%}
    {%- if old != new -%}
        {{ exceptions.raise_compiler_error(
            relation ~ ' has the columns ' ~ old | join(', ') ~ ', and the model now gives ' ~ new | join(', ')
            ~ '. Build it anew, with all quarters: dbt build --full-refresh --select ' ~ relation.identifier ~ '+'
        ) }}
    {%- endif -%}
{%- endmacro %}

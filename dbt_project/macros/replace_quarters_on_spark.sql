{#- Spark has no transactions, so a quarter's rows are replaced by a switch: they are written to that one of two folders, a and b,
    which is not in use, and then the quarter's partition is pointed to it. A reader sees the old rows or the new ones, and a
    build that is killed leaves the old. A model without quarters is replaced in the same way as a whole. -#}
{% materialization incremental, adapter='spark' -%}
    {%- set conditions = {
        'replace_requested_quarters': in_requested_quarters('quarter'),
        'replace_requested_and_following_quarters': in_requested_and_following_quarters('quarter'),
        'replace_everything': none,
    } -%}
    {%- if config.get('incremental_strategy') not in conditions -%}
        {{ exceptions.raise_compiler_error(this ~ ': on Spark an incremental strategy is one of ' ~ conditions.keys() | list) }}
    {%- endif -%}
    {{ return(replace_on_spark(conditions[config.get('incremental_strategy')])) }}
{%- endmaterialization %}

{% materialization quarter_partitions, adapter='spark' -%}
    {%- set condition = in_requested_and_following_quarters('quarter') if config.get('replaces') == 'requested_and_following'
        else in_requested_quarters('quarter') -%}
    {{ return(replace_on_spark(condition)) }}
{%- endmaterialization %}

{#- Build the model's table. `condition` says which quarters are replaced; none: the model has no quarter. -#}
{% macro replace_on_spark(condition) -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- set folder = env_var('QUARTERDECK_SPARK_WAREHOUSE') ~ '/' ~ this.schema ~ '/' ~ this.identifier -%}
    {%- set new_rows = this.identifier ~ '__new_rows' -%}

    {{ run_hooks(pre_hooks) }}
    {%- do run_query('create or replace temporary view ' ~ new_rows ~ ' as ' ~ sql) -%}
    {%- set columns = columns_on_spark(new_rows) -%}

    {%- if existing_relation is not none and (should_full_refresh() or existing_relation.is_view) -%}
        {%- do adapter.drop_relation(existing_relation) -%}
        {%- set existing_relation = none -%}
    {%- endif -%}
    {%- if existing_relation is none -%}
        {%- set types = [] -%}
        {%- for name, type in columns.items() -%}{%- do types.append(name ~ ' ' ~ type) -%}{%- endfor -%}
        {%- do run_query(
            'create table ' ~ target_relation ~ ' (' ~ types | join(', ') ~ ') using parquet '
            ~ ('partitioned by (quarter) ' if condition is not none else '') ~ "location '" ~ folder ~ "'"
        ) -%}
    {%- elif columns_on_spark(target_relation) != columns -%}
        {{ exceptions.raise_compiler_error(
            this ~ ' has the columns ' ~ columns_on_spark(target_relation) ~ ', but the model now gives ' ~ columns
            ~ '. Build it with --full-refresh.'
        ) }}
    {%- endif -%}

    {%- if condition is none -%}
        {%- do switch_folder_on_spark(target_relation, '', folder, 'select * from ' ~ new_rows) -%}
    {%- else -%}
        {%- set others = columns.keys() | reject('equalto', 'quarter') | join(', ') -%}
        {%- for quarter in quarters_on_spark(new_rows, condition) -%}
            {%- do switch_folder_on_spark(
                target_relation,
                'partition (quarter = ' ~ quoted(quarter) ~ ')',
                folder ~ '/' ~ quarter,
                'select ' ~ others ~ ' from ' ~ new_rows ~ ' where quarter = ' ~ quoted(quarter)
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {% call statement('main') -%}
        drop view {{ new_rows }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {%- do return({'relations': [target_relation]}) -%}
{%- endmacro %}

{#- Name and type of each column; the order is that of the table, where a partition's column is the last. -#}
{% macro columns_on_spark(relation) -%}
    {%- set columns = {} -%}
    {%- for row in run_query('describe ' ~ relation).rows if row[0] and not row[0].startswith('#') -%}
        {%- do columns.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- do return(columns) -%}
{%- endmacro %}

{#- The quarters that this build replaces: those of the condition, with or without new rows; in a full refresh, all there are. -#}
{% macro quarters_on_spark(new_rows, condition) -%}
    {%- if flags.FULL_REFRESH -%}
        {%- set query = 'select distinct quarter from ' ~ new_rows -%}
    {%- else -%}
        {%- set candidates = [] -%}
        {%- for quarter in var('quarters') -%}
            {%- do candidates.extend(['(' ~ quoted(quarter) ~ ')', '(' ~ quoted(quarter_after(quarter)) ~ ')']) -%}
        {%- endfor -%}
        {%- set query = 'select distinct quarter from (values ' ~ candidates | join(', ') ~ ') as candidates (quarter) where ' ~ condition -%}
    {%- endif -%}
    {%- do return(run_query(query ~ ' order by quarter').columns[0].values()) -%}
{%- endmacro %}

{#- Write the query's rows into the folder that is not in use, and point the table, or its partition, to it. -#}
{% macro switch_folder_on_spark(relation, partition, folder, query) -%}
    {%- set location = [] -%}
    {%- if not partition or run_query('show partitions ' ~ relation ~ ' ' ~ partition).rows -%}
        {%- for row in run_query('describe formatted ' ~ relation ~ ' ' ~ partition).rows if row[0] == 'Location' -%}
            {%- do location.append(row[1]) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set free = folder ~ ('/b' if location and location[0].endswith('/a') else '/a') -%}
    {%- do run_query("insert overwrite directory '" ~ free ~ "' using parquet " ~ query) -%}
    {%- if location -%}
        {%- do run_query('alter table ' ~ relation ~ ' ' ~ partition ~ " set location '" ~ free ~ "'") -%}
    {%- else -%}
        {%- do run_query('alter table ' ~ relation ~ ' add ' ~ partition ~ " location '" ~ free ~ "'") -%}
    {%- endif -%}
    {%- if not partition -%}
        {%- do run_query('refresh table ' ~ relation) -%}
    {%- endif -%}
{%- endmacro %}

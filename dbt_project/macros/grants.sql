{#- `+grants` names roles as loader, transformer, analyst, publisher or auditor; on the server their names begin with the database's.
    An analyst gets a model's columns but for those tagged `personal: direct_identifier` or `personal: sensitive`.

    What is granted is said anew with each build, by the statement that changes the relation: dbt's own way asks
    information_schema for each model what was granted, and it grants whole tables only. -#}
{% macro grants_sql(relation) -%}
    {#- Without a role of its own, dbt works where roles are not enforced, as `quarterdeck status` says. -#}
    {%- if target.role and config.get('grants') -%}
        {%- set hidden = columns_hidden_from_analysts() -%}
        {%- set shown = model.columns.values() | map(attribute='name') | reject('in', hidden) | join(', ') -%}
        revoke all on {{ relation }} from {{ role_on_server('loader') }}, {{ role_on_server('analyst') }},
            {{ role_on_server('publisher') }}, {{ role_on_server('auditor') }};
        {%- for reader in config.get('grants').get('select', []) %}
        {%- if reader != 'analyst' or not hidden %}
        grant select on {{ relation }} to {{ role_on_server(reader) }};
        {%- elif shown %}
        grant select ({{ shown }}) on {{ relation }} to {{ role_on_server(reader) }};
        {%- endif %}
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{#- For dbt's own materializations. Where an incremental model's table stays, its strategy has said the grants already. -#}
{% macro postgres__apply_grants(relation, grant_config, should_revoke=True) -%}
    {%- set grants = grants_sql(relation) -%}
    {%- if grants and not should_revoke -%}
        {% call statement('grants') -%}{{ grants }}{%- endcall %}
    {%- endif -%}
{%- endmacro %}

{#- Postgres gives a new table none of the old one's grants. -#}
{% macro postgres__copy_grants() -%}
    {{ return(false) }}
{%- endmacro %}

{#- Readers find the marts in Postgres, also where Spark builds them. -#}
{% macro spark__apply_grants(relation, grant_config, should_revoke=True) -%}
{%- endmacro %}

{% macro role_on_server(role) -%}
    {{ adapter.quote(target.dbname ~ '_' ~ role) }}
{%- endmacro %}

{% macro columns_hidden_from_analysts() -%}
    {%- set hidden = [] -%}
    {%- for column in model.columns.values() -%}
        {%- if (column.config.meta or column.meta).personal in ['direct_identifier', 'sensitive'] -%}
            {%- do hidden.append(column.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(hidden) }}
{%- endmacro %}

{#- The last statement of each model's and seed's transaction: refused once another run has taken this one's quarters over
    (orchestration/core/leases.sql). Nothing where dbt was not started by a run, and on Spark, which has no transactions. -#}
{% macro require_lease() -%}
    {%- set lease = env_var('QUARTERDECK_LEASE', '') -%}
    {%- if lease and target.type == 'postgres' -%}
        select platform.require_lease({{ lease }})
    {%- endif -%}
{%- endmacro %}

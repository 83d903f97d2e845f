{#- models/<domain>/<layer>/ is built in the schema <domain>_<layer>, seeds/<domain>/ in <domain>_staging.
    Environments differ by database, so the target's own schema plays no part. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is not none -%}
        {{- custom_schema_name | trim -}}
    {%- elif node.resource_type == 'seed' and node.fqn | length == 3 -%}
        {{- node.fqn[1] -}}_staging
    {%- elif node.resource_type == 'model' and node.fqn | length == 4 -%}
        {{- node.fqn[1] -}}_{{- node.fqn[2] -}}
    {%- elif node.resource_type in ['model', 'seed'] -%}
        {{- exceptions.raise_compiler_error(
            node.original_file_path ~ ': a model belongs in models/<domain>/<layer>/, a seed in seeds/<domain>/, since the folder names the schema'
        ) -}}
    {%- else -%}
        {{- target.schema -}}
    {%- endif -%}
{%- endmacro %}

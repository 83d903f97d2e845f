{#- The grain of a table as a test: no two rows have the same values in `columns`; nulls count as equal.
    The word `demographics` among them stands for the contract's demographic columns. -#}
{% test unique_rows(model, columns) %}
{%- set names = [] -%}
{%- for column in columns -%}
    {%- if column == 'demographics' -%}
        {%- do names.extend(var('demographics') | map(attribute='name')) -%}
    {%- else -%}
        {%- do names.append(column) -%}
    {%- endif -%}
{%- endfor -%}
select
    {{ names | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ names | join(', ') }}
having count(*) > 1
{% endtest %}

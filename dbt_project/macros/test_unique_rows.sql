{#- The grain of a table as a test: no two rows have the same values in `columns`; nulls count as equal.
    The word `demographics` among them stands for the contract's demographic columns, `demographic_texts` and `score_texts` for its
    columns as written in the file. -#}
{% test unique_rows(model, columns) %}
{%- set names = [] -%}
{%- for column in columns -%}
    {%- if column == 'demographics' -%}
        {%- do names.extend(var('demographics') | map(attribute='name')) -%}
    {%- elif column in ['demographic_texts', 'score_texts'] -%}
        {%- for item in var('demographics' if column == 'demographic_texts' else 'subjects') -%}
            {%- do names.append(item.name ~ '_text') -%}
        {%- endfor -%}
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

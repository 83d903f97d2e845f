{#- The grain of a table as a test: no two rows have the same values in `columns`; nulls count as equal. -#}
{% test unique_rows(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

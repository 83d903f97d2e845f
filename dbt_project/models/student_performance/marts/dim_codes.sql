{{ config(
    materialized='incremental',
    incremental_strategy='replace_everything',
    on_schema_change='fail',
) }}

with score_ranges as (
    select * from {{ ref('fct_score_ranges') }}
),

contract_values (dimension, value, contract_order) as (
    values
    {%- for demographic in var('demographics') %}
    {%- for value in demographic['values'] %}
    ({{ quoted(demographic.name) }}, {{ quoted(value) }}, {{ loop.index }}),
    {%- endfor %}
    {%- endfor %}
    (cast(null as {{ dbt.type_string() }}), cast(null as {{ dbt.type_string() }}), cast(null as integer))
),

seen_values as (
    select
        dimension,
        dimension_value as value,
        min(quarter) as first_quarter
    from score_ranges
    where dimension <> 'all'
    group by dimension, dimension_value
),

-- The empty row keeps the list of values valid where the contract lists none.
all_values as (
    select
        coalesce(contract_values.dimension, seen_values.dimension) as dimension,
        coalesce(contract_values.value, seen_values.value) as value,
        contract_values.contract_order,
        seen_values.first_quarter
    from contract_values
    full outer join seen_values
        on
            contract_values.dimension = seen_values.dimension
            and contract_values.value = seen_values.value
    where coalesce(contract_values.dimension, seen_values.dimension) is not null
)

select
    dimension,
    value,
    (
        row_number() over (
            partition by dimension
            order by contract_order asc nulls last, first_quarter asc, {{ by_code_point('value') }} asc
        ) - 1
    )::smallint as code
from all_values

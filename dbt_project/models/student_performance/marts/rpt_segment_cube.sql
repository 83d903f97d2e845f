{{ config(
    materialized='incremental',
    incremental_strategy='replace_requested_quarters',
    on_schema_change='fail',
) }}

with labeled_results as (
    select * from {{ ref('fct_labeled_results') }}
)

select
    quarter,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }},
    {%- endfor %}
    cluster_id,
    count(*) as student_count
from labeled_results
where {{ in_requested_quarters('quarter') }}
group by
    quarter,
    {%- for demographic in var('demographics') %}
    {{ demographic.name }},
    {%- endfor %}
    cluster_id

{{ config(materialized='view') }}

with demographic_sets as (
    select * from {{ ref('stg_student_performance__demographic_sets') }}
),

accepted_files as (
    select * from {{ ref('stg_student_performance__accepted_files') }}
)

-- Distinct, since one set may have been written in several ways.
select distinct
    demographic_sets.quarter,
    demographic_sets.demographic_set_id
    {%- for demographic in var('demographics') %},
    demographic_sets.{{ demographic.name }}
    {%- endfor %}
from demographic_sets
inner join accepted_files
    on
        demographic_sets.quarter = accepted_files.quarter
        and demographic_sets.slot = accepted_files.slot

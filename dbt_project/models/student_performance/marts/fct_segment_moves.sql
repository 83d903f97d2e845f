{{ config(tags=['size:students'], materialized='quarter_partitions', replaces='requested_and_following', pre_hook='{{ prefer_hash_joins() }}') }}

with labeled_results as (
    select * from {{ ref('fct_labeled_results') }}
),

-- Once more, since rows that are read twice are all read before they are chosen from: those of every quarter there is.
preceding_labeled_results as (
    select * from {{ ref('fct_labeled_results') }}
),

accepted_sets as (
    select * from {{ ref('stg_student_performance__accepted_sets') }}
),

-- Where nobody has an id, this is known without looking at every line.
quarters_with_ids as (
    select distinct quarter
    from accepted_sets
    where
        own_id_count > 0
        and ({{ in_requested_and_following_quarters('quarter') }} or {{ in_requested_and_preceding_quarters('quarter') }})
),

clusters as (
    select * from {{ source('student_performance_ml', 'cluster_profiles') }}
),

current_results as (
    select
        quarter,
        student_id,
        cluster_id,
        cluster_label
    from labeled_results
    where
        has_own_id
        and {{ in_requested_and_following_quarters('quarter') }}
        and exists (
            select 1 from quarters_with_ids
            where {{ in_requested_and_following_quarters('quarter') }}
        )
),

-- A student's previous quarter, under the name of the quarter it is compared with.
previous_results as (
    select
        {{ following_quarter('quarter') }} as quarter,
        student_id,
        cluster_id,
        cluster_label
    from preceding_labeled_results
    where
        has_own_id
        and {{ in_requested_and_preceding_quarters('quarter') }}
        and exists (
            select 1 from quarters_with_ids
            where {{ in_requested_and_preceding_quarters('quarter') }}
        )
),

-- Where one of the two quarters has nobody to follow, everybody would seem to have joined or left.
compared_quarters as (
    select quarter from current_results
    intersect
    select quarter from previous_results
),

paired as (
    select
        coalesce(current_results.quarter, previous_results.quarter) as quarter,
        coalesce(current_results.student_id, previous_results.student_id) as student_id,
        previous_results.cluster_id as previous_cluster_id,
        previous_results.cluster_label as previous_cluster_label,
        current_results.cluster_id,
        current_results.cluster_label
    from current_results
    full outer join previous_results
        on
            current_results.quarter = previous_results.quarter
            and current_results.student_id = previous_results.student_id
)

select
    paired.quarter,
    paired.student_id,
    paired.previous_cluster_id,
    paired.previous_cluster_label,
    paired.cluster_id,
    paired.cluster_label,
    case
        when paired.previous_cluster_id is null then 'joined'
        when paired.cluster_id is null then 'left'
        when clusters.continues_cluster_id = paired.previous_cluster_id then 'stayed'
        else 'moved'
    end as move
from paired
inner join compared_quarters
    on paired.quarter = compared_quarters.quarter
left join clusters
    on
        paired.quarter = clusters.quarter
        and paired.cluster_id = clusters.cluster_id

-- What the pages make of their data as their filters are set: a view is a group by every characteristic, and a null is all of them.
-- A Jinja template of the contract.
{% set scores = subjects | map(attribute='name') | list %}
{% set names = demographics | map(attribute='name') | list %}
{% set groups = names | join(', ') %}
{% macro same(one, other, but='') %}{% for name in names if name != but %} and {{ one }}.{{ name }} is not distinct from {{ other }}.{{ name }}{% endfor %}{% endmacro %}

-- Each line in each of the views that it is of.
create view views as
select {% for name in names %}of_{{ name }}{{ ', ' if not loop.last }}{% endfor %}
from {% for name in names %}(values (true), (false)) as flags_{{ loop.index }} (of_{{ name }}){{ ', ' if not loop.last }}{% endfor %};

{% macro viewed(lines) %}
select {{ lines }}.* exclude ({{ groups }}){% for name in names %}, case when of_{{ name }} then {{ name }} end as {{ name }}{% endfor %}
from {{ lines }}, views
{% endmacro %}

create view exam_views_lines as
with viewed as (
    {{ viewed('results') }}
)

select viewed.* exclude (quarter), loaded.quarter, viewed.quarter as line_quarter
from viewed inner join loaded on viewed.quarter in (loaded.quarter, quarter_before);

create view views_of_quarters as
select
    quarter, {{ groups }},
    count(*) as student_count,
    count(*) filter (where is_pass) as pass_count,
    100 * count(*) filter (where is_pass) / count(*) as pass_pct,
    {% for score in scores %}sum({{ score }})::hugeint / {{ scale }} / count(*) as {{ score }}_mean_score, {% endfor %}
    sum(overall)::hugeint / {{ scale }} / count(*) as mean_score
from results
group by quarter, cube ({{ groups }});

create view exam_views as
select
    now.*,
    now.student_count - coalesce(before.student_count, 0) as student_count_change,
    now.pass_pct - before.pass_pct as pass_pct_change{% for score in scores %},
    now.{{ score }}_mean_score - before.{{ score }}_mean_score as {{ score }}_mean_score_change{% endfor %}
from views_of_quarters as now
left join loaded on now.quarter = loaded.quarter
left join views_of_quarters as before on before.quarter = quarter_before{{ same('now', 'before') }};

-- A group against all whom the other filters leave.
create view exam_gaps as
{% for name in names %}
select '{{ name }}' as compared_by, own.*, own.pass_pct - everybody.pass_pct as pass_pct_gap
from views_of_quarters as own
inner join views_of_quarters as everybody on own.quarter = everybody.quarter{{ same('own', 'everybody', but=name) }}
where own.{{ name }} is not null and everybody.{{ name }} is null
{{ 'union all' if not loop.last }}
{% endfor %};

create view exam_gaps_lines as
{% for name in names %}
select '{{ name }}' as compared_by, * from exam_views_lines where line_quarter = quarter
{{ 'union all' if not loop.last }}
{% endfor %};

-- Ranges are numbered from the lowest up, whichever way their scheme does.
create view exam_view_ranges_lines as
with places as (
    select *, row_number() over (partition by quarter, subject, range_scheme order by lower_bound) as place from ranges
),

placed as (
    select results.*, results.quarter as line_quarter, subject, range_scheme, place
    from score_ranges_lines as ranged
    inner join results on ranged.quarter = results.quarter and ranged.line = results.line
    inner join places using (subject, range_scheme, range_order)
    where dimension = 'all' and places.quarter = results.quarter
)

{{ viewed('placed') }};

create view exam_view_ranges as
with counted as (
    select quarter, {{ groups }}, subject, range_scheme, place, count(*) as student_count
    from exam_view_ranges_lines
    group by all
)

select counted.*, 100 * counted.student_count / views_of_quarters.student_count as student_pct
from counted inner join views_of_quarters
    on counted.quarter = views_of_quarters.quarter{{ same('counted', 'views_of_quarters') }};

create view segment_views_lines as
{{ viewed('segments_lines') }};

create view segment_views as
with counted as (
    select quarter, {{ groups }}, cluster_id, count(*) as student_count
    from segments_lines
    group by quarter, cluster_id, cube ({{ groups }})
),

shares as (
    select counted.*, 100 * counted.student_count / views_of_quarters.student_count as student_pct
    from counted inner join views_of_quarters
        on counted.quarter = views_of_quarters.quarter{{ same('counted', 'views_of_quarters') }}
)

select shares.*, shares.student_pct - everybody.student_pct as student_pct_gap
from shares inner join (
    from shares where {% for name in names %}{{ name }} is null{{ ' and ' if not loop.last }}{% endfor %}
) as everybody using (quarter, cluster_id);

-- Who came to a segment from another one, and who went.
create view segment_flows_lines as
select quarter, unnest([previous_cluster_label, cluster_label]) as cluster_label, line_quarter, line, move
from segment_moves_lines;

create view segment_flows as
with ends as (
    select quarter, previous_cluster_label as cluster_label, move, 'gone' as direction from moves
    union all
    select quarter, cluster_label, move, 'arrived' from moves
)

select
    quarter, cluster_label,
    count(*) filter (where direction = 'gone') as previous_student_count,
    count(*) filter (where move = 'moved' and direction = 'arrived') as arrived_student_count,
    count(*) filter (where move = 'moved' and direction = 'gone') as gone_student_count,
    arrived_student_count - gone_student_count as net_student_count
from ends
where cluster_label is not null
group by all;

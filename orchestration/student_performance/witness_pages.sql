-- What the pages alone say, in sentences and notes, made of the tables of witness.sql. A Jinja template of the contract.
{% set scores = subjects | map(attribute='name') | list %}

-- What changed since the quarter that was loaded before, whichever that is.
create view loaded as
select quarter, lag(quarter) over (order by quarter) as quarter_before from (select distinct quarter from lines);

-- The lines of a quarter and of the one before it.
create view compared_lines as
select loaded.quarter, judged.quarter as line_quarter, line
from loaded inner join judged on judged.quarter in (loaded.quarter, quarter_before);

create view changes as
select
    now.quarter,
    now.student_count - before.student_count as student_count_change,
    now.pass_pct - before.pass_pct as pass_pct_change,
    abs(now.pass_pct - before.pass_pct) as pass_pct_distance,
    {% for score in scores %}
    now.{{ score }}_mean_score - before.{{ score }}_mean_score as {{ score }}_mean_score_change,
    {% endfor %}
    now.mean_score - before.mean_score as mean_score_change
from loaded
inner join quarters as now on loaded.quarter = now.quarter
inner join quarters as before on loaded.quarter_before = before.quarter;

create view changes_lines as from compared_lines;

create view group_means_lines as
select quarter, line_quarter, line, dimension, dimension_value, overall
from exam_cube_lines,
    (values {% for item in demographics %}('{{ item.name }}', {{ item.name }}){{ ', ' if not loop.last }}{% endfor %})
        as dimensions (dimension, dimension_value);

create view group_means as
select
    quarter, dimension, dimension_value, count(*) as student_count,
    sum(overall)::hugeint / {{ scale }} / count(*) as mean_score
from group_means_lines
group by all;

create view group_gaps as
select quarter, dimension, max(mean_score) - min(mean_score) as mean_score_gap
from group_means
where student_count >= 30
group by quarter, dimension;

create view group_gaps_lines as from group_means_lines;

create view segment_counts as select quarter, count(*) as segment_count from segments group by quarter;
create view segment_counts_lines as from segments_lines;

create view segment_shares as
with shares as (
    select quarter, cluster_label, sum(segments.student_pct) as student_pct
    from segments inner join given_segments using (quarter, cluster_id)
    group by all
)

select
    now.quarter, now.cluster_label, now.student_pct, now.student_pct - before.student_pct as student_pct_change
from shares as now
left join loaded on now.quarter = loaded.quarter
left join shares as before on quarter_before = before.quarter and now.cluster_label = before.cluster_label;

create view segment_shares_lines as
select compared_lines.*, cluster_label
from compared_lines inner join segments_lines
    on compared_lines.line_quarter = segments_lines.line_quarter and compared_lines.line = segments_lines.line;

create view move_totals as
select
    quarter,
    count(*) filter (where move in ('stayed', 'moved')) as followed_student_count,
    count(*) filter (where move = 'stayed') as stayed_student_count,
    count(*) filter (where move = 'moved') as moved_student_count,
    count(*) filter (where move = 'joined') as joined_student_count,
    100 * stayed_student_count / nullif(followed_student_count, 0) as stayed_pct
from moves
group by quarter;

create view move_totals_lines as from segment_moves_lines;

create view row_shares as
select
    quarter, 100 * rows_trusted / rows_read as rows_trusted_pct, 100 * rows_quarantined / rows_read as rows_quarantined_pct
from quarters;

create view row_shares_lines as from quarters_lines;

create view row_reasons as select quarter, reason, sum(line_count)::bigint as line_count from rejected group by all;
create view row_reasons_lines as from rejected_lines;

create view rejected_so_far_lines as
select loaded.quarter, line_quarter, line, reason, column_name
from loaded inner join rejected_lines on line_quarter <= loaded.quarter;

create view rejected_so_far as
select quarter, reason, column_name, count(*) as line_count from rejected_so_far_lines group by all;

create view bound_counts as
select quarter, definition, sum(student_count)::bigint as student_count
from exam_outcomes
where is_on_bound = 'True'
group by all;

create view bound_counts_lines as from exam_outcomes_lines where is_on_bound = 'True';

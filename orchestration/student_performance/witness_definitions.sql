-- Versions of definitions of exam results, a second time: who passes, which grade and which range, by every authority at once.
-- Bounds are in ten-thousandths of a per cent of the way between the ends of a scale, so that all numbers are whole.
{% macro bound(column) %}({{ column }} * 10000)::hugeint{% endmacro %}

create table defined as
select
    * exclude (lower_bound, upper_bound, subject_minimum), authority || '@' || version as version_name,
    {{ bound('lower_bound') }} as lower_bound, {{ bound('upper_bound') }} as upper_bound,
    {{ bound('subject_minimum') }} as subject_minimum
from read_csv('{{ definitions_seed }}', types = {
    'lower_bound': 'decimal(10, 4)', 'upper_bound': 'decimal(10, 4)', 'subject_minimum': 'decimal(10, 4)'
});

-- No definition asks for more than the sum of a student's scores and the lowest of them.
create table sums_lines as
select
    quarter, quarter as line_quarter, line, overall,
    {{ scores | join(' + ') }} as sum_score,
    least({{ scores | join(', ') }}) as lowest_score
from results;

create table judged_sums as
with sums as (
    select
        quarter, sum_score, lowest_score, count(*) as students,
        min(min(sum_score)) over (partition by quarter) as least_sum, max(max(sum_score)) over (partition by quarter) as greatest_sum,
        min(min(lowest_score)) over (partition by quarter) as least_lowest,
        max(max(lowest_score)) over (partition by quarter) as greatest_lowest
    from sums_lines
    group by quarter, sum_score, lowest_score
),

measured as (
    select
        quarter, sum_score, lowest_score, students, defined.*,
        case measure when 'mean' then sum_score else lowest_score end as value,
        case
            when scale = 'observed' then case measure when 'mean' then least_sum else least_lowest end
            else {{ minimum }} * case measure when 'mean' then {{ scores | length }} else 1 end
        end as first,
        case
            when scale = 'observed' then case measure when 'mean' then greatest_sum else greatest_lowest end
            else {{ minimum + width }} * case measure when 'mean' then {{ scores | length }} else 1 end
        end as last
    from sums, defined
),

placed as (
    select
        *, last - first as width,
        -- Whoever is under the minimum of a subject is at the beginning of the scale.
        case
            when 1000000 * (lowest_score - {{ minimum }}) < subject_minimum * {{ width }} then 0 else 1000000 * (value - first)
        end as reached
    from measured
)

select
    * exclude (lower_bound, upper_bound),
    lower_bound > 0 and reached = lower_bound * width or upper_bound < 1000000 and reached = upper_bound * width as is_on_bound
from placed
where
    case
        when width = 0 then lower_bound = 0
        else
            (reached > lower_bound * width or includes_lower and reached = lower_bound * width)
            and (reached < upper_bound * width or includes_upper and reached = upper_bound * width)
    end;

create table side_by_side as
select
    quarter, definition, sum_score, lowest_score,
    string_agg(version_name || '=' || outcome, ', ' order by version_name || '=' || outcome) as outcomes,
    case when bool_or(is_on_bound) then 'True' else 'False' end as is_on_bound
from judged_sums
group by quarter, definition, sum_score, lowest_score;

create view exam_outcomes_lines as from side_by_side inner join sums_lines using (quarter, sum_score, lowest_score);

create view exam_outcomes as
select
    quarter, definition, outcomes, is_on_bound,
    count(*) as student_count,
    min(overall) / {{ scale }} as lowest_mean_score, max(overall) / {{ scale }} as highest_mean_score,
    min(lowest_score) / {{ scale }} as lowest_subject_score, max(lowest_score) / {{ scale }} as highest_subject_score
from exam_outcomes_lines
group by all;

create view lab_outcomes_lines as from judged_sums inner join sums_lines using (quarter, sum_score, lowest_score);

create view lab_outcomes as
select quarter, definition, version_name, outcome, sum(students)::bigint as student_count from judged_sums group by all;

create table flipped as
select
    quarter, sum_score, lowest_score, definition, one.version_name, other.version_name as other_version_name,
    one.outcome, other.outcome as other_outcome, one.students
from judged_sums as one inner join judged_sums as other using (quarter, sum_score, lowest_score, definition)
where one.version_name < other.version_name and one.outcome <> other.outcome;

create view lab_flips_lines as from flipped inner join sums_lines using (quarter, sum_score, lowest_score);
create view lab_pairs_lines as from lab_flips_lines;

create view lab_flips as
select
    quarter, definition, version_name, other_version_name, outcome, other_outcome, count(*) as student_count,
    min(overall) / {{ scale }} as lowest_mean_score, max(overall) / {{ scale }} as highest_mean_score
from lab_flips_lines
group by all;

create view lab_pairs as
select quarter, definition, version_name, other_version_name, sum(students)::bigint as student_count from flipped group by all;

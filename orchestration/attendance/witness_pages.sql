-- What the pages alone show, made of the tables of witness_figures.sql.
create view comparable_days as
select *, reporting_school_count >= greatest(1, 0.5 * max(reporting_school_count) over (partition by quarter)) as is_comparable
from days;

create view overview as
with of_days as (
    select quarter, count(*) as day_count, count(*) filter (where is_comparable) as comparable_day_count
    from comparable_days
    group by quarter
),

of_schools as (
    select
        quarter, count(*) as school_count, count(mean_attendance_pct) as reporting_school_count,
        count(*) filter (where mean_attendance_pct < 90) as school_below_90_count,
        avg(mean_attendance_pct) as mean_attendance_pct, median(mean_attendance_pct) as median_attendance_pct,
        min(mean_attendance_pct) as lowest_attendance_pct,
        sum(day_count - reported_day_count)::bigint as missing_report_count
    from schools
    group by quarter
)

select * replace (coalesce(school_count, 0) as school_count, coalesce(missing_report_count, 0) as missing_report_count)
from of_days left join of_schools using (quarter);

create view quarter_accounts as
select
    quarter, count(*) as file_count, sum(rows_read)::bigint as rows_read, sum(rows_trusted)::bigint as rows_trusted,
    sum(corrected_lines)::bigint as corrected_lines
from row_accounts
group by quarter;

create view set_aside as
select quarter, verdict as reason, count(*) as line_count from judged_rows where verdict is not null group by all;

create view school_gaps as select quarter, school_code, day_count - reported_day_count as missing_day_count from schools;

create view placed_schools as
select quarter, school_code, lowest_pct
from
    schools,
    (
        values ('0', 0, 70), ('70', 70, 80), ('80', 80, 85), ('85', 85, 90),
            ('90', 90, 92.5), ('92.5', 92.5, 95), ('95', 95, 97.5), ('97.5', 97.5, 101)
    ) as ranges (lowest_pct, lower_pct, upper_pct)
where mean_attendance_pct >= lower_pct and mean_attendance_pct < upper_pct;

create view school_ranges as select quarter, lowest_pct, count(*) as school_count from placed_schools group by all;

create view chronic_rates as
select quarter, 100 * chronic_student_count / student_count as chronic_pct
from chronic_absence
where school_code = 'all' and authority = 'edfacts' and version = 1;

create view tier_shares as
select
    quarter, authority || '@' || version as version_name, outcome,
    100 * student_count / sum(student_count) over (partition by quarter, authority, version) as student_pct
from outcomes
where definition = 'attendance_tier' and school_code = 'all';

create view streaks_in_ranges as
select ranked_streaks.*, shortest
from ranked_streaks, (values (1, 1), (2, 2), (3, 4), (5, 9), (10, 1000)) as ranges (shortest, longest)
where day_count between shortest and longest;

create view streak_ranges as
select quarter, shortest, count(*) as streak_count, count(*) filter (where place = 1) as student_count
from streaks_in_ranges
group by all;

create view lab_outcomes as
select quarter, definition, version_name, outcome, count(*) as student_count from judged where school = 'all' group by all;

create view lab_flips as from flips;

create view lab_pairs as
select quarter, definition, version_name, other_version_name, count(*) as student_count from flipped group by all;

create view longest_streaks as select quarter, max(day_count) as day_count from ranked_streaks group by quarter;

create view school_sums as
select
    quarter, count(*) as school_count, sum(enrolled_days)::bigint as enrolled_days, sum(present)::hugeint / 10000 as present_days
from student_attendance
where school_code <> 'all'
group by quarter;

-- Pseudonyms are shown by their first eight digits, and what a decision put after all 32.
create macro shown(student) as left(student, 8) || student[33:];

create view conflicts as
select
    quarter, shown(source_id) as who, max(name_count) as name_count, sum(row_count)::bigint as row_count,
    count(distinct student) as person_count, count(student) < count(*) as is_open
from people
where name_count > 1
group by quarter, source_id;

create view conflict_counts as
select
    quarter, count(*) filter (where is_open) as open_count, count(*) filter (where not is_open) as decided_count,
    coalesce(sum(row_count) filter (where is_open), 0)::bigint as waiting_row_count
from conflicts
group by quarter;

create view reason_totals as select quarter, sum(mention_count)::bigint as mention_count from reasons group by quarter;

create view tiered_students as
select judged.quarter, judged.student, outcome, cluster_id, exam_segments.student is not null as is_matched
from judged left join exam_segments on judged.quarter = exam_segments.quarter and judged.student = exam_segments.student
where school = 'all' and definition = 'attendance_tier' and version_name = 'edu@1';

create view segment_tiers as
select quarter, cluster_id, outcome, count(*) as student_count from tiered_students where is_matched group by all;

create view segment_students as
select quarter, cluster_id, count(*) as student_count from tiered_students where is_matched group by all;

create view exam_matches as
select quarter, count(*) as student_count, count(*) filter (where is_matched) as matched_student_count
from tiered_students
group by quarter;

-- Exactly on a bound of some version, in whole numbers.
create view students_on_bounds as
select distinct
    quarter, judged.student, judged.definition, shown(judged.student) as who, lower_pct as bound_pct, enrolled as enrolled_days,
    present / 10000 as present_days
from judged inner join (select distinct definition, lower_pct from attendance_definitions where lower_pct > 0) as bounds
    on judged.definition = bounds.definition and present = lower_pct * 100 * enrolled
where school = 'all';

create view bound_counts as select quarter, definition, count(distinct student) as student_count from students_on_bounds group by all;
create view bound_cases as from students_on_bounds;

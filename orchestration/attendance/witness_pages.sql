-- What the pages alone show, made of the tables of witness_figures.sql.
create view comparable_days as
select *, reporting_school_count >= greatest(1, 0.5 * max(reporting_school_count) over (partition by quarter)) as is_comparable
from days;

create view overview as
with of_days as (
    select quarter, count(*) filter (where is_comparable) as comparable_day_count from comparable_days group by quarter
),

of_schools as (
    select
        quarter, count(*) as school_count, median(mean_attendance_pct) as median_attendance_pct,
        sum(day_count - reported_day_count)::bigint as missing_report_count
    from schools
    group by quarter
)

select * replace (coalesce(school_count, 0) as school_count, coalesce(missing_report_count, 0) as missing_report_count)
from of_days left join of_schools using (quarter);

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

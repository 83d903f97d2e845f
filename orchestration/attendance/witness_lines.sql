-- The rows of files that count for a row of a table: <table>_lines, with the table's key.
create view days_lines as
select quarter, day as attendance_date, source_file_id, source_line
from items
where day is not null and coalesce(verdict, 'not_submitted') in ('not_submitted', 'not_a_school');

create view schools_lines as
select quarter, school_code, source_file_id, source_line from items where coalesce(verdict, 'not_submitted') = 'not_submitted';

create view school_gaps_lines as from schools_lines;

create view overview_lines as select quarter, source_file_id, source_line from days_lines;

create view school_ranges_lines as from placed_schools inner join schools_lines using (quarter, school_code);

-- A student's marks and stays, and the days off, which count for everybody.
create view lines_at_schools as
with own as (
    select quarter, student, school, source_file_id, source_line from marks
    union
    select quarter, student, school, source_file_id, source_line from stays
)

from own
union
select quarter, own.student, own.school, holidays.source_file_id, holidays.source_line from own inner join holidays using (quarter);

create view student_lines as select distinct quarter, student, source_file_id, source_line from lines_at_schools;

create view student_attendance_lines as
select quarter, unnest([school, 'all']) as school_code, source_file_id, source_line from lines_at_schools;

-- From here on students are followed: what they did at every school counts.
create view outcomes_lines as
select
    quarter, unnest([last_school, 'all']) as school_code, definition, authority, version, version_name, outcome,
    source_file_id, source_line
from judged inner join last_schools using (quarter, student) inner join student_lines using (quarter, student)
where judged.school = 'all';

create view chronic_absence_lines as
select quarter, school as school_code, authority, version, source_file_id, source_line
from judged inner join student_lines using (quarter, student)
where definition = 'chronic_absence';

create view flips_lines as from flipped inner join student_lines using (quarter, student);
create view streaks_lines as from ranked_streaks inner join student_lines using (quarter, student);
create view streak_ranges_lines as from streaks_in_ranges inner join student_lines using (quarter, student);
create view chronic_rates_lines as select quarter, source_file_id, source_line from student_lines;
create view tier_shares_lines as from outcomes_lines where definition = 'attendance_tier' and school_code = 'all';
create view lab_outcomes_lines as from outcomes_lines where school_code = 'all';
create view lab_flips_lines as from flips_lines;
create view lab_pairs_lines as from flips_lines;
create view longest_streaks_lines as from ranked_streaks inner join student_lines using (quarter, student);
create view school_sums_lines as from student_attendance_lines where school_code = 'all';
create view bound_cases_lines as from students_on_bounds inner join student_lines using (quarter, student);
create view bound_counts_lines as from bound_cases_lines;
create view segment_tiers_lines as from tiered_students inner join student_lines using (quarter, student) where is_matched;
create view segment_students_lines as from segment_tiers_lines;
create view exam_matches_lines as from tiered_students inner join student_lines using (quarter, student);
create view reason_totals_lines as from reasons_lines;

-- What became of the rows of files.
create view row_accounts_lines as from judged_rows;
create view quarter_accounts_lines as from judged_rows;
create view set_aside_lines as select quarter, source_file_id, source_line, verdict as reason from judged_rows where verdict is not null;

create view conflicts_lines as
with mentions as (
    select quarter, source_id, name, source_file_id, source_line from judged_marks
    union
    select quarter, source_id, name, source_file_id, source_line from judged_stays
)

select quarter, shown(source_id) as who, source_file_id, source_line
from mentions inner join people using (quarter, source_id, name)
where name_count > 1;

create view conflict_counts_lines as from conflicts_lines;

-- The figures of attendance, of the days of schools and students that witness.sql makes.
create view days as
with schools as (
    select
        quarter, day, count(*) as school_count, count(pct) as reporting_school_count, sum(pct) as pct_sum,
        list(pct order by pct) filter (where pct is not null) as sorted
    from reports
    group by all
),

totals as (
    select quarter, day, max(pct) as total from items where verdict = 'not_a_school' and day is not null group by all
)

select
    quarter, day as attendance_date,
    coalesce(school_count, 0) as school_count,
    coalesce(reporting_school_count, 0) as reporting_school_count,
    quotient(pct_sum, reporting_school_count::hugeint * 1000000) as mean_attendance_pct,
    quotient(
        sorted[(reporting_school_count + 1) // 2] + sorted[reporting_school_count // 2 + 1], 2000000::hugeint
    ) as median_attendance_pct,
    total / 1000000 as official_total_pct
from schools full join totals using (quarter, day);

create view schools as
select
    quarter, school_code,
    count(*) as day_count,
    count(pct) as reported_day_count,
    quotient(sum(pct), count(pct)::hugeint * 1000000) as mean_attendance_pct,
    min(pct) / 1000000 as lowest_attendance_pct,
    max(pct) / 1000000 as highest_attendance_pct
from reports
group by all;

create table attendance as
select
    quarter, student, coalesce(school, 'all') as school,
    count(*) as enrolled, sum(fraction)::hugeint as present, max(day) as last_day
from student_days
where is_enrolled
group by grouping sets ((quarter, student), (quarter, student, school));

create view student_attendance as
with schools as (
    select quarter, coalesce(school, 'all') as school_code, count(distinct day) as day_count
    from student_days
    where is_enrolled
    group by grouping sets ((quarter), (quarter, school))
),

students as (
    select
        quarter, school as school_code, count(*) as student_count,
        count(*) filter (where school_count > 1) as transfer_student_count,
        sum(enrolled) as enrolled_days, sum(present)::hugeint as present
    from attendance
    inner join (
        select quarter, student, count(*) as school_count from attendance where school <> 'all' group by all
    ) using (quarter, student)
    group by all
)

select
    *, present / 10000 as present_days,
    quotient(present, 10000::hugeint * day_count) as average_daily_attendance,
    quotient(100 * present, 10000::hugeint * enrolled_days) as attendance_pct
from students inner join schools using (quarter, school_code);

-- Every version of every definition; bounds are compared as products.
create table judged as
select
    quarter, student, school, enrolled, present, definition, authority, version, authority || '@' || version as version_name,
    case when enrolled < minimum_enrolled_days then 'not_enough_days' else outcome end as outcome,
    case when enrolled < minimum_enrolled_days then 0 else outcome_rank end as outcome_rank
from attendance,
    (select *, rank() over (partition by definition, authority, version order by lower_pct) as outcome_rank from attendance_definitions)
where
    (present > lower_pct * 100 * enrolled or includes_lower and present = lower_pct * 100 * enrolled)
    and (present < upper_pct * 100 * enrolled or includes_upper and present = upper_pct * 100 * enrolled);

create view last_schools as
select quarter, student, school as last_school
from attendance
where school <> 'all'
qualify row_number() over (partition by quarter, student order by last_day desc, enrolled desc, school) = 1;

-- Each student once, at the school of the last day enrolled.
create view outcomes as
select
    quarter, coalesce(last_school, 'all') as school_code, definition, authority, version, outcome,
    count(*) as student_count
from judged inner join last_schools using (quarter, student)
where school = 'all'
group by grouping sets (
    (quarter, definition, authority, version, outcome), (quarter, last_school, definition, authority, version, outcome)
);

create view chronic_absence as
with chronic as (
    select quarter, student, school, authority, version, outcome = 'chronic' as is_chronic
    from judged
    where definition = 'chronic_absence'
),

somewhere as (
    from chronic where school <> 'all'
    union all
    select quarter, student, 'all', authority, version, bool_or(is_chronic) from chronic where school <> 'all'
    group by quarter, student, authority, version
)

select
    quarter, somewhere.school as school_code, authority, version,
    count(*) as student_count,
    count(*) filter (where overall.is_chronic) as chronic_student_count,
    count(*) filter (where somewhere.is_chronic) as chronic_at_school_count,
    count(*) filter (where overall.is_chronic and not somewhere.is_chronic) as hidden_student_count
from somewhere
inner join (from chronic where school = 'all') as overall using (quarter, student, authority, version)
group by all;

create view flipped as
select
    quarter, student, definition, one.version_name, other.version_name as other_version_name, one.outcome,
    other.outcome as other_outcome, quotient(100 * one.present, 10000::hugeint * one.enrolled) as attendance_pct
from judged as one inner join judged as other using (quarter, student, school, definition)
where school = 'all' and one.version_name < other.version_name and one.outcome_rank <> other.outcome_rank;

create view flips as
select
    quarter, definition, version_name, other_version_name, outcome, other_outcome, count(*) as student_count,
    min(attendance_pct) as lowest_attendance_pct,
    max(attendance_pct) as highest_attendance_pct
from flipped
group by all;

-- Days absent that follow one another; only days enrolled count, so that a holiday breaks none.
create view ranked_streaks as
with numbered as (
    select
        quarter, student, day, fraction,
        row_number() over (partition by quarter, student order by day)
        - row_number() over (partition by quarter, student, fraction = 0 order by day) as streak
    from student_days
    where is_enrolled
),

streaks_of_students as (
    select quarter, student, streak, count(*) as day_count, min(day) as first_day
    from numbered
    where fraction = 0
    group by all
)

select
    *, row_number() over (partition by quarter, student order by day_count desc, first_day) as place
from streaks_of_students;

create view streaks as
select quarter, day_count, count(*) as streak_count, count(*) filter (where place = 1) as student_count
from ranked_streaks
group by all;

create view judged_reasons as
with typed as (
    select
        quarter, without_blanks({{ given('student_id') }}) as source_id, lower(without_blanks({{ given('reason') }})) as said,
        as_day(trim({{ given('absence_date') }})) as day, source_file_id, source_line
    from absence_reasons
)

select
    *, case when said is null or source_id is null then 'missing_value' when day is null then 'invalid_day' end as verdict
from typed;

create view reasons_lines as
with mentions as (
    select quarter, source_id, said, source_file_id, source_line from judged_reasons where verdict is null
    union all
    select quarter, source_id, absence_reason, source_file_id, source_line from marks where absence_reason is not null
)

select mentions.*, coalesce(reason, 'not_mapped') as absence_reason
from mentions left join absence_categories on said = reason;

create view reasons as
select
    quarter, absence_reason,
    count(distinct said) as text_count, count(*) as mention_count, count(distinct source_id) as student_count
from reasons_lines
group by quarter, absence_reason;

-- What became of each row of each file.
create view judged_rows as
select quarter, source_file_id, source_line, verdict from items
union all
select quarter, source_file_id, source_line, verdict from judged_marks
union all
select quarter, source_file_id, source_line, verdict from judged_stays
union all
select quarter, source_file_id, source_line, verdict from judged_holidays
union all
select quarter, source_file_id, source_line, verdict from judged_reasons;

create view corrected_rows as
{% for table in ('school_days', 'student_marks', 'enrolments', 'holidays', 'absence_reasons') %}
select quarter, source_file_id, source_line from {{ table }} where corrections is not null
{{ 'union' if not loop.last }}
{% endfor %};

create view row_accounts as
select
    quarter, source_file_id, rows_read, rows_trusted, rows_read - rows_trusted as rows_quarantined,
    coalesce(corrected_lines, 0) as corrected_lines
from (
    select quarter, source_file_id, count(*) as rows_read, count(*) filter (where verdict is null) as rows_trusted
    from judged_rows
    group by all
)
left join (
    select quarter, source_file_id, count(distinct source_line) as corrected_lines from corrected_rows group by all
) using (quarter, source_file_id);

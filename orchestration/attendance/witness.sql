-- The rules of attendance a second time, for DuckDB, on purpose: from the rows of files to figures. A Jinja template of the settings.
-- Given are the raw rows by kind of file, all values as text, and the office's seeds (docs/conventions.md says what the rules are).
-- Fractions of days are whole ten-thousandths; percentages of daily reports are whole millionths.

-- To two decimals, a half away from zero; of whole numbers, so that nothing is lost before.
create macro quotient(part, whole) as
    case when whole <> 0 then ((sign(part) * ((2 * abs(part) * 100 + whole) // (2 * whole)))::hugeint) / 100.0 end;
create macro without_blanks(value) as nullif(trim(value, e' \t\r\n'), '');
create macro as_day(value) as
    case when regexp_full_match(value, '\d{4}-\d{2}-\d{2}') then try_cast(value as date) end;
create macro name_key(value) as coalesce(lower(regexp_replace(trim(value, e' \t\r\n'), '\s+', ' ', 'g')), '');

-- Daily reports.
create table items as
with texts as (
    select
        quarter, source_file_id, source_line,
        without_blanks({{ given('school_code') }}) as school_code,
        without_blanks({{ given('day') }}) as day_text,
        without_blanks({{ given('attendance_pct') }}) as pct_text
    from school_days
),

typed as (
    select
        *,
        as_day(case when length(day_text) = 8 then left(day_text, 4) || '-' || day_text[5:6] || '-' || day_text[7:8] end) as day,
        case
            when regexp_full_match(pct_text, '[0-9]{1,3}([.][0-9]+)?') then (pct_text::decimal(18, 6) * 1000000)::hugeint
        end as pct,
        row_number() over (partition by quarter, school_code, day_text order by source_file_id, source_line) as place
    from texts
)

select
    typed.*,
    case
        when school_words.reason is not null then school_words.reason
        when school_code is null or day_text is null or pct_text is null then 'missing_value'
        when day is null then 'invalid_day'
        when place > 1 then 'repeated_school_day'
        when pct_words.reason is not null then pct_words.reason
        when pct is null then 'not_a_number'
        when pct > 100000000 then 'out_of_range'
    end as verdict
from typed
left join report_words as school_words on school_words.column_name = 'school_code' and school_code = school_words.word
left join report_words as pct_words on pct_words.column_name = 'attendance_pct' and pct_text = pct_words.word;

-- A school that submitted no percentage has no number, and counts as one that did not report.
create table reports as
select quarter, school_code, day, case when verdict is null then pct end as pct
from items
where verdict is null or verdict = 'not_submitted';

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

-- Days of instruction: weekdays of the quarter that are no holiday.
create table calendar as
with quarters as (
    select distinct
        quarter,
        make_date(left(quarter, 4)::integer, 1, 1)
        + to_months({{ first_month }} - 1 + 3 * (right(quarter, 1)::integer - 1)) as first_day
    from student_marks
),

weekdays as (
    select quarter, unnest(generate_series(first_day, first_day + interval 3 month - interval 1 day, interval 1 day))::date as day
    from quarters
),

days_off as (
    select quarter, as_day(trim({{ given('holiday_date') }})) as day
    from holidays
    where corrections is not null or line_problem is null
)

select quarter, day, row_number() over (partition by quarter order by day) as number
from weekdays anti join days_off using (quarter, day)
where isodow(day) < 6;

-- An id with several names is nobody, unless the office decided whose each is; a row without a name is nobody else's.
create table people as
with mentions as (
    select quarter, {{ given('student_id') }} as id, {{ given('student_name') }} as name from student_marks
    union all
    select quarter, {{ given('student_id') }}, {{ given('student_name') }} from enrolments
),

names as (
    select distinct quarter, without_blanks(id) as source_id, name_key(name) as name from mentions
    where without_blanks(id) is not null
)

select
    quarter, source_id, name,
    coalesce(
        belongs_to,
        case when count(*) filter (where name <> '') over (partition by quarter, source_id) <= 1 then source_id end
    ) as student
from names left join identity_decisions on source_id = student_id and name = name_key;

create table marks as
with texts as (
    select
        quarter, source_file_id, source_line, source_column,
        line_problem is not null and (corrections is null or source_column is not null) as is_broken,
        without_blanks({{ given('student_id') }}) as source_id,
        name_key({{ given('student_name') }}) as name,
        coalesce(without_blanks({{ given('school_code') }}), 'unknown') as school,
        without_blanks({{ given('attendance_day') }}) as day_text,
        lower(without_blanks({{ given('mark') }})) as mark,
        lower(without_blanks({{ given('absence_reason') }})) as absence_reason,
        without_blanks({{ given('sheet_total') }}) as total_text
    from student_marks
),

read as (
    select
        texts.*, status, student,
        (attendance_marks.present_fraction * 10000)::bigint as fraction,
        sum((attendance_marks.present_fraction * 10000)::bigint) over (partition by quarter, source_file_id, source_line) as row_sum,
        case
            when regexp_full_match(total_text, '[0-9]{1,4}([.][0-9]{1,4})?') then (total_text::decimal(10, 4) * 10000)::bigint
        end as total,
        as_day(day_text) as written_day,
        case when day_text like 'Week %' then day_text[6:]::bigint end as week,
        case when day_text like 'Day %' then day_text[5:]::bigint when day_text like 'Week %' then 5 * day_text[6:]::bigint - 4 end
            as day_number
    from texts
    left join attendance_marks using (mark)
    left join people using (quarter, source_id, name)
),

placed as (
    select read.*, calendar.day
    from read left join calendar
        on read.quarter = calendar.quarter and (calendar.day = written_day or calendar.number = day_number)
),

sound as (
    select * from placed
    where
        not is_broken and source_id is not null
        and (written_day is not null or source_column is not null)
        -- Which day of a row with another total is wrong, nobody knows.
        and (source_column is null or total = row_sum)
        and status is not null and student is not null and day is not null
)

-- Marks of a day that say different things say nothing; of equal ones, the first stands.
select quarter, student, school, day, week, source_id, status, fraction, absence_reason
from sound
qualify
    row_number() over (
        partition by quarter, student, school, day, week order by source_file_id, source_line, source_column
    ) = 1
    and min(status) over (partition by quarter, student, school, day, week)
    = max(status) over (partition by quarter, student, school, day, week);

create table stays as
with texts as (
    select
        quarter, source_line, source_file_id,
        line_problem is not null and corrections is null as is_broken,
        without_blanks({{ given('student_id') }}) as source_id,
        name_key({{ given('student_name') }}) as name,
        without_blanks({{ given('school_code') }}) as school,
        as_day(trim({{ given('enrolled_from') }})) as first_day,
        without_blanks({{ given('enrolled_to') }}) as last_text
    from enrolments
)

select quarter, student, school, first_day, coalesce(as_day(last_text), date '9999-12-31') as last_day, min(source_line) as source_line
from texts inner join people using (quarter, source_id, name)
where
    not is_broken and school is not null and student is not null and first_day is not null
    and (last_text is null or as_day(last_text) >= first_day)
group by all;

create table student_days as
-- A week's mark is that of each of its days that has none of its own.
with marked as (
    select quarter, student, school, calendar.day, source_id, status, fraction, absence_reason
    from marks inner join calendar using (quarter)
    where calendar.day = marks.day and week is null or (calendar.number + 4) // 5 = week
    qualify row_number() over (partition by quarter, student, school, calendar.day order by week nulls first) = 1
),

-- Of stays that overlap, the one that began last.
stayed as (
    select quarter, student, school, day
    from stays inner join calendar using (quarter)
    where day between first_day and last_day
    qualify row_number() over (partition by quarter, student, day order by first_day desc, school, source_line) = 1
),

submitted as (
    select quarter, school, max(day) as last_submission from marked group by all
),

-- A day of a stay that nobody marked, up to the school's last submission, is a day present.
all_days as (
    select
        quarter, student, school, day, source_id, absence_reason,
        coalesce(status, 'not_marked') as status, coalesce(fraction, 10000) as fraction, has_stay is not null as has_stay
    from marked
    full join (
        select stayed.*, true as has_stay
        from stayed inner join submitted using (quarter, school)
        where day <= last_submission
    ) using (quarter, student, school, day)
)

select
    all_days.*,
    case
        when (quarter, student) in (select (quarter, student) from stays) then has_stay
        -- Where nobody gave a student's stays, each day recorded is a day enrolled, at one school.
        else row_number() over (partition by quarter, student, day order by fraction desc, school) = 1
    end as is_enrolled
from all_days;

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

-- Each student once, at the school of the last day enrolled.
create view outcomes as
with last_schools as (
    select quarter, student, school as last_school
    from attendance
    where school <> 'all'
    qualify row_number() over (partition by quarter, student order by last_day desc, enrolled desc, school) = 1
)

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

create view flips as
select
    quarter, definition, one.version_name, other.version_name as other_version_name, one.outcome,
    other.outcome as other_outcome, count(*) as student_count,
    min(quotient(100 * one.present, 10000::hugeint * one.enrolled)) as lowest_attendance_pct,
    max(quotient(100 * one.present, 10000::hugeint * one.enrolled)) as highest_attendance_pct
from judged as one inner join judged as other using (quarter, student, school, definition)
where school = 'all' and one.version_name < other.version_name and one.outcome_rank <> other.outcome_rank
group by all;

-- Days absent that follow one another; only days enrolled count, so that a holiday breaks none.
create view streaks as
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
),

ranked as (
    select
        *, row_number() over (partition by quarter, student order by day_count desc, first_day) as place
    from streaks_of_students
)

select quarter, day_count, count(*) as streak_count, count(*) filter (where place = 1) as student_count
from ranked
group by all;

create view reasons as
with mentions as (
    select quarter, without_blanks({{ given('student_id') }}) as source_id, lower(without_blanks({{ given('reason') }})) as said
    from absence_reasons
    where as_day(trim({{ given('absence_date') }})) is not null
    union all
    select quarter, source_id, absence_reason from marks
)

select
    quarter, coalesce(reason, 'not_mapped') as absence_reason,
    count(distinct said) as text_count, count(*) as mention_count, count(distinct source_id) as student_count
from mentions left join absence_categories on said = reason
where said is not null and source_id is not null
group by quarter, reason;

-- The rules of attendance a second time, for DuckDB, on purpose: from the rows of files to days of schools and students; what is
-- counted of these is in witness_figures.sql. A Jinja template of the settings.
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

create table judged_holidays as
with typed as (
    select
        quarter, source_file_id, source_line, line_problem is not null and corrections is null as is_broken,
        as_day(trim({{ given('holiday_date') }})) as day
    from holidays
)

select
    *,
    case
        when is_broken then 'unreadable_line'
        when day is null then 'invalid_day'
        when row_number() over (partition by quarter, day, is_broken order by source_file_id, source_line) > 1 then 'repeated_row'
    end as verdict
from typed;

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

select quarter, day, row_number() over (partition by quarter order by day) as number
from weekdays anti join (from judged_holidays where verdict is null) using (quarter, day)
where isodow(day) < 6;

-- An id with several names is nobody, unless the office decided whose each is; a row without a name is nobody else's.
create table people as
with mentions as (
    select quarter, {{ given('student_id') }} as id, {{ given('student_name') }} as name from student_marks
    union all
    select quarter, {{ given('student_id') }}, {{ given('student_name') }} from enrolments
),

names as (
    select quarter, without_blanks(id) as source_id, name_key(name) as name, count(*) as row_count from mentions
    where without_blanks(id) is not null
    group by all
),

compared as (
    select *, count(*) filter (where name <> '') over (partition by quarter, source_id) as name_count from names
)

select
    quarter, source_id, name, row_count, name_count,
    coalesce(belongs_to, case when name_count <= 1 then source_id end) as student
from compared left join identity_decisions on source_id = student_id and name = name_key;

create table judged_marks as
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

judged as (
    select
        *,
        case
            when is_broken then 'unreadable_line'
            when source_id is null then 'missing_value'
            when written_day is null and source_column is null then 'invalid_day'
            -- Which day of a row with another total is wrong, nobody knows.
            when source_column is not null and (total is null or total <> row_sum) then 'total_disagrees'
            when mark is null then 'not_recorded'
            when status is null then 'unknown_mark'
            when student is null then 'identity_conflict'
            when day is null then 'no_instructional_day'
        end as fault
    from placed
)

-- Marks of a day that say different things say nothing; of equal ones, the first stands.
select
    *,
    case
        when fault is not null then fault
        when min(status) over of_day <> max(status) over of_day then 'conflicting_marks'
        when row_number() over (of_day order by source_file_id, source_line, source_column) > 1 then 'repeated_mark'
    end as verdict
from judged
window of_day as (partition by quarter, student, school, day, week, fault is null);

create view marks as from judged_marks where verdict is null;

create table judged_stays as
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
),

judged as (
    select
        *, coalesce(as_day(last_text), date '9999-12-31') as last_day,
        case
            when is_broken then 'unreadable_line'
            when source_id is null or school is null then 'missing_value'
            when first_day is null or last_text is not null and coalesce(as_day(last_text) < first_day, true) then 'invalid_day'
            when student is null then 'identity_conflict'
        end as fault
    from texts left join people using (quarter, source_id, name)
)

select
    *,
    case
        when fault is not null then fault
        when
            row_number() over (
                partition by quarter, student, school, first_day, last_day, fault is null order by source_file_id, source_line
            ) > 1
            then 'repeated_row'
    end as verdict
from judged;

create view stays as from judged_stays where verdict is null;

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
    qualify row_number() over (partition by quarter, student, day order by first_day desc, school, source_file_id, source_line) = 1
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

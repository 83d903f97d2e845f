-- The rules of exam results a second time, for DuckDB, on purpose: from the lines of files to figures. A Jinja template of the contract.
-- Given are `lines`, every line's values as text, and `given_segments`, the clustering's centroids and names.
-- Every <table>_lines has a row for each line that counts for a figure of <table>.
-- Scores are whole numbers, in hundred-millionths of a point ({{ scale }} to a point).
{% set scores = subjects | map(attribute='name') | list %}
{% set groups = demographics | map(attribute='name') | join(', ') %}
{% macro text(value) %}'{{ value | replace("'", "''") }}'{% endmacro %}
{% macro mean(score) %}quotient(sum({{ score }})::hugeint, count(*)::hugeint * {{ scale }}){% endmacro %}
{% macro place(score) %}least(floor(({{ score }} - {{ minimum }}) * 10 / {{ width }}), 9){% endmacro %}
{% macro each(scores) %}{% for score in scores %}{{ caller(score) }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro %}

-- To four decimals, a half away from zero; of whole numbers, so that nothing is lost before.
create macro rounded(part, whole) as
    case when whole <> 0 then (sign(part) * ((2 * abs(part) * 10000 + whole) // (2 * whole)))::hugeint end;
create macro quotient(part, whole) as rounded(part, whole) / 10000.0;
create macro without_blanks(value) as nullif(trim(value, e' \t\r\n'), '');
create macro is_number(value) as regexp_full_match(value, '[+-]?[0-9]{1,30}([.][0-9]{0,30})?');

-- A category that differs from a listed one in case and blanks only is that one.
create table typed as
select
    quarter, line, has_all, is_id_corrected, without_blanks(written_id) as written_id, without_blanks(id) as id,
    {% for item in demographics %}
    coalesce(
        {% if item['values'] %}
        case lower(regexp_replace(trim({{ item.name }}), '\s+', ' ', 'g'))
            {% for value in item['values'] %}when {{ text(value | lower) }} then {{ text(value) }} {% endfor %}
        end,
        {% endif %}
        without_blanks({{ item.name }}){% if not item.required %}, 'not given'{% endif %}
    ) as {{ item.name }},
    {% endfor %}
    {% for score in scores %}
    without_blanks({{ score }}) as {{ score }}_text,
    case
        when is_number(without_blanks({{ score }}))
            then (try_cast(without_blanks({{ score }}) as decimal(38, 8)) * {{ scale }})::hugeint
    end as {{ score }}{{ ',' if not loop.last }}
    {% endfor %}
from lines;

-- The first rule that a line breaks, in this order; null where it breaks none.
create table judged as
select
    *,
    case
        when not has_all then 'wrong_field_count:'
        {% for item in demographics if item.required %}
        when {{ item.name }} is null then 'missing_value:{{ item.name }}'
        {% endfor %}
        {% for score in scores %}
        when {{ score }}_text is null then 'missing_value:{{ score }}_score'
        {% endfor %}
        {% for score in scores %}
        when {{ score }} is null then 'not_a_number:{{ score }}_score'
        {% endfor %}
        {% for score in scores %}
        when {{ score }} not between {{ minimum }} and {{ minimum + width }} then 'out_of_range:{{ score }}_score'
        {% endfor %}
        {% for item in demographics if item['values'] %}
        when {{ item.name }} not in (
            {% for value in item['values'] %}{{ text(value) }}{{ ', ' if not loop.last }}{% endfor %}{{ ", 'not given'" if not item.required }}
        ) then 'unknown_category:{{ item.name }}'
        {% endfor %}
        when
            written_id is not null and not is_id_corrected and line > min(line) over (partition by quarter, written_id)
            then 'repeated_id:student_id'
    end as verdict
from typed;

create table results as
select
    *,
    rounded({{ scores | join(' + ') }}, {{ scores | length * scale }}) * {{ scale // 10000 }} as overall,
    {% for score in scores %}{{ score }} >= {{ pass_mark }}{{ ' and ' if not loop.last }}{% endfor %} as is_pass
from judged
where verdict is null;

-- Quarters and their rows.
create view quarters_lines as select quarter, quarter as line_quarter, line from judged;

create view quarters as
with students as (
    select
        quarter,
        count(*) as student_count,
        count(*) filter (where is_pass) as pass_count,
        quotient(100 * count(*) filter (where is_pass), count(*)) as pass_pct,
        {% for score in scores %}{{ mean(score) }} as {{ score }}_mean_score, {% endfor %}
        {{ mean('overall') }} as mean_score
    from results
    group by quarter
),

read as (
    select
        quarter,
        count(*) as rows_read,
        count(*) filter (where verdict is null) as rows_trusted,
        count(*) filter (where verdict is not null) as rows_quarantined
    from judged
    group by quarter
)

select * replace (coalesce(student_count, 0) as student_count, coalesce(pass_count, 0) as pass_count)
from read left join students using (quarter);

create view rejected_lines as
select
    quarter, quarter as line_quarter, line,
    split_part(verdict, ':', 1) as reason, nullif(split_part(verdict, ':', 2), '') as column_name
from judged
where verdict is not null;

create view rejected as select quarter, reason, column_name, count(*) as line_count from rejected_lines group by all;

-- Every combination of groups.
create view exam_cube_lines as select *, quarter as line_quarter from results;

create view exam_cube as
select
    quarter, {{ groups }},
    count(*) as student_count,
    count(*) filter (where is_pass) as pass_count,
    {% for score in scores %}sum({{ score }})::hugeint / {{ scale }} as {{ score }}_score_sum, {% endfor %}
    sum(overall)::hugeint / {{ scale }} as mean_score_sum,
    {% for score in scores + ['overall'] %}
    [
        {% for at in range(10) %}count(*) filter (where {{ place(score) }} = {{ at }}){{ ', ' if not loop.last }}{% endfor %}
    ] as {{ score }}_range_counts{{ ',' if not loop.last }}
    {% endfor %}
from results
group by quarter, {{ groups }};

-- Score ranges of every scheme, for everybody and for one group at a time.
create view measured as
select quarter, line, is_pass, measures.*, dimensions.*
from
    results,
    (values {% for score in scores + ['overall'] %}('{{ score }}', {{ score }}){{ ', ' if not loop.last }}{% endfor %})
        as measures (subject, score),
    (values ('all', 'all'){% for item in demographics %}, ('{{ item.name }}', {{ item.name }}){% endfor %})
        as dimensions (dimension, dimension_value);

create table ranges as
with bounds as (
    select quarter, subject, min(score) as lowest, max(score) as highest
    from measured
    where dimension = 'all'
    group by all
),

seeded as (
    select
        range_scheme, range_order,
        {{ minimum }} + (lower_bound * {{ width }})::hugeint // 100 as lower_bound,
        {{ minimum }} + (upper_bound * {{ width }})::hugeint // 100 as upper_bound
    from read_csv({{ text(seed) }})
)

select quarter, subject, seeded.*
from bounds, seeded
where range_scheme <> 'kaggle_grade' or subject = 'overall'
union all
select
    quarter, subject, 'equal_width', step,
    lowest + (highest - lowest) * (step - 1) // 10, lowest + (highest - lowest) * step // 10
from bounds, range(1, 11) as steps (step);

-- A grade is F for whoever failed a subject, and otherwise read off the mean; the highest range holds its upper bound.
create view score_ranges_lines as
with tops as (
    select *, range_order = max(range_order) over (partition by quarter, subject, range_scheme) as is_top
    from ranges
)

select quarter, quarter as line_quarter, line, dimension, dimension_value, subject, range_scheme, range_order, score
from measured inner join tops using (quarter, subject)
where
    case
        when range_scheme = 'kaggle_grade' and not is_pass then range_order = 1
        else score >= lower_bound and (score < upper_bound or (is_top and score = upper_bound))
    end;

create view score_ranges as
with totals as (
    select quarter, subject, dimension, dimension_value, count(*) as whole from measured group by all
),

counted as (
    select
        quarter, subject, dimension, dimension_value, range_scheme, range_order,
        count(*) as part, {{ mean('score') }} as mean_score
    from score_ranges_lines
    group by all
)

select
    quarter, dimension, dimension_value, subject, range_scheme, range_order,
    lower_bound / {{ scale }} as lower_bound,
    upper_bound / {{ scale }} as upper_bound,
    coalesce(part, 0) as student_count,
    quotient(100 * coalesce(part, 0), whole) as student_pct,
    mean_score
from totals inner join ranges using (quarter, subject)
left join counted using (quarter, subject, dimension, dimension_value, range_scheme, range_order);

-- Each student is of the segment whose centroid is nearest, at a tie of the one with the lowest id.
create table segments_lines as
select results.*, results.quarter as line_quarter, nearest.*
from results, lateral (
    select cluster_id, cluster_label, continues_cluster_id
    from given_segments
    where given_segments.quarter = results.quarter
    order by
        {% for score in scores %}power({{ score }} / {{ scale }} - {{ score }}_mean_score, 2){{ ' + ' if not loop.last }}{% endfor %},
        cluster_id
    limit 1
) as nearest;

-- A centroid is the mean of those cells of ten-point ranges to which it is the nearest, weighted by students.
create view centroids as
with placed_students as (
    select *, {% call(score) each(scores) %}{{ place(score) }} as {{ score }}_range{% endcall %}
    from results
),

cells as (
    select quarter, count(*) as students, {% call(score) each(scores) %}{{ mean(score) }} as {{ score }}{% endcall %}
    from placed_students
    group by quarter, {% call(score) each(scores) %}{{ score }}_range{% endcall %}
),

placed_cells as (
    select cells.*, nearest.cluster_id
    from cells, lateral (
        select cluster_id
        from given_segments
        where given_segments.quarter = cells.quarter
        order by
            {% for score in scores %}power({{ score }} - {{ score }}_mean_score, 2){{ ' + ' if not loop.last }}{% endfor %},
            cluster_id
        limit 1
    ) as nearest
)

select
    quarter, cluster_id,
    {% call(score) each(scores) %}round(sum({{ score }} * students) / sum(students), 6) as {{ score }}_mean_score{% endcall %}
from placed_cells
group by all;

create view segments as
with wholes as (
    select quarter, count(*) as whole from results group by quarter
),

members as (
    select quarter, cluster_id, count(*) as part, count(*) filter (where is_pass) as passed
    from segments_lines
    group by all
)

select
    given_segments.quarter, given_segments.cluster_id,
    coalesce(part, 0) as student_count,
    quotient(100 * coalesce(part, 0), whole) as student_pct,
    quotient(100 * passed, part) as pass_pct,
    {% call(score) each(scores) %}centroids.{{ score }}_mean_score{% endcall %}
from given_segments
inner join wholes using (quarter)
left join members using (quarter, cluster_id)
left join centroids using (quarter, cluster_id);

create view segment_cube_lines as from segments_lines;

create view segment_cube as
select quarter, {{ groups }}, cluster_id, count(*) as student_count from segments_lines group by all;

-- Students with an id of their own in two quarters that follow one another.
create table moves as
with students as (
    from segments_lines where id is not null
),

before as (
    select * replace (
        case right(quarter, 1)
            when '4' then (left(quarter, 4)::integer + 1) || 'Q1'
            else left(quarter, 5) || (right(quarter, 1)::integer + 1)
        end as quarter
    )
    from students
)

select
    quarter, students.line as line_now, before.line as line_before, before.line_quarter as quarter_before,
    before.cluster_label as previous_cluster_label, students.cluster_label,
    case
        when before.id is null then 'joined'
        when students.id is null then 'left'
        when students.continues_cluster_id = before.cluster_id then 'stayed'
        else 'moved'
    end as move
from students full join before using (quarter, id)
where quarter in (select quarter from students) and quarter in (select quarter from before);

create view segment_moves_lines as
select quarter, previous_cluster_label, cluster_label, move, quarter as line_quarter, line_now as line
from moves
where line_now is not null
union all
select quarter, previous_cluster_label, cluster_label, move, quarter_before, line_before
from moves
where line_before is not null;

create view segment_moves as
select quarter, previous_cluster_label, cluster_label, move, count(*) as student_count from moves group by all;

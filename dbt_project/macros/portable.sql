{#- What Postgres and Spark say differently. Each macro's default is Postgres's form, which stays as fast as it was written by hand.
    dbt_project/tests/portable_macros__say_the_same_on_every_engine.sql has a line for each. -#}

{#- Whether a text matches a regular expression, both SQL expressions. -#}
{% macro matches(text, pattern) -%}
    {{ return(adapter.dispatch('matches')(text, pattern)) }}
{%- endmacro %}
{% macro default__matches(text, pattern) -%}{{ text }} ~ {{ pattern }}{%- endmacro %}
{% macro spark__matches(text, pattern) -%}regexp_like({{ text }}, {{ pattern }}){%- endmacro %}

{#- A text without the spaces, tabs and line ends around it. -#}
{% macro without_blanks(text) -%}
    {{ return(adapter.dispatch('without_blanks')(text)) }}
{%- endmacro %}
{% macro default__without_blanks(text) -%}btrim({{ text }}, e' \t\r\n'){%- endmacro %}
{% macro spark__without_blanks(text) -%}trim(both ' \t\r\n' from {{ text }}){%- endmacro %}

{#- A text of digits as an exact number, without zeros at its end. Spark's has at most 38 digits, 8 of them decimals; more decimals are an error, since
    rounding them would give other results than Postgres, whose numbers have no limit. -#}
{% macro exact_number(text) -%}
    {{ return(adapter.dispatch('exact_number')(text)) }}
{%- endmacro %}
{% macro default__exact_number(text) -%}trim_scale({{ text }}::numeric){%- endmacro %}
{% macro spark__exact_number(text) -%}
    case
        when regexp_like({{ text }}, '[.][0-9]{8}[0-9]*[1-9]') then raise_error('Spark holds scores of at most eight decimals.')
        else cast({{ text }} as decimal(38, 8))
    end
{%- endmacro %}

{#- An exact number of the size of a score, so that Spark has digits left for sums; Postgres's numbers have no size. -#}
{% macro as_score(number) -%}
    {{ return(adapter.dispatch('as_score')(number)) }}
{%- endmacro %}
{% macro default__as_score(number) -%}{{ number }}{%- endmacro %}
{% macro spark__as_score(number) -%}cast({{ number }} as decimal(18, 8)){%- endmacro %}

{#- A score times a number of students; of a whole number of any size Spark would drop decimals. -#}
{% macro times_count(score, count) -%}
    {{ return(adapter.dispatch('times_count')(score, count)) }}
{%- endmacro %}
{% macro default__times_count(score, count) -%}{{ score }} * {{ count }}{%- endmacro %}
{% macro spark__times_count(score, count) -%}{{ score }} * cast({{ count }} as decimal(12, 0)){%- endmacro %}

{#- An exact number without zeros at its end, for tables that people see; Spark's numbers of a column have all the same decimals. -#}
{% macro trimmed_number(number) -%}
    {{ return(adapter.dispatch('trimmed_number')(number)) }}
{%- endmacro %}
{% macro default__trimmed_number(number) -%}trim_scale(({{ number }})::numeric){%- endmacro %}
{% macro spark__trimmed_number(number) -%}cast({{ number }} as decimal(18, 8)){%- endmacro %}

{#- A sum divided by a count, rounded half away from zero. Spark's division keeps few decimals unless both have a size that leaves
    room for them, and would then round twice. -#}
{% macro rounded_ratio(sum, count, decimals=4) -%}
    {{ return(adapter.dispatch('rounded_ratio')(sum, count, decimals)) }}
{%- endmacro %}
{% macro default__rounded_ratio(sum, count, decimals) -%}round({{ sum }} / {{ count }}, {{ decimals }}){%- endmacro %}
{% macro spark__rounded_ratio(sum, count, decimals) -%}
    round(cast({{ sum }} as decimal(24, 8)) / cast({{ count }} as decimal(12, 0)), {{ decimals }})
{%- endmacro %}

{#- One of a list by its place from 1. -#}
{% macro item(list, place) -%}
    {{ return(adapter.dispatch('item')(list, place)) }}
{%- endmacro %}
{% macro default__item(list, place) -%}{{ list }}[{{ place }}]{%- endmacro %}
{% macro spark__item(list, place) -%}element_at({{ list }}, {{ place }}){%- endmacro %}

{#- A list of whole numbers, SQL expressions. -#}
{% macro integer_list(items) -%}
    {{ return(adapter.dispatch('integer_list')(items)) }}
{%- endmacro %}
{% macro default__integer_list(items) -%}array[{{ items | join(', ') }}]::integer[]{%- endmacro %}
{% macro spark__integer_list(items) -%}cast(array({{ items | join(', ') }}) as array<int>){%- endmacro %}

{#- A lateral table of a few rows made from the columns of the table before it: `rows` are lists of SQL expressions. -#}
{% macro lateral_rows(rows, name, columns) -%}
    {{ return(adapter.dispatch('lateral_rows')(rows, name, columns)) }}
{%- endmacro %}
{% macro default__lateral_rows(rows, name, columns) -%}
    cross join lateral (
        values
        {%- for row in rows %}
        ({{ row | join(', ') }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as {{ name }} ({{ columns | join(', ') }})
{%- endmacro %}
{% macro spark__lateral_rows(rows, name, columns) -%}
    cross join lateral stack(
        {{ rows | length }}
        {%- for row in rows %},
        {{ row | join(', ') }}
        {%- endfor %}
    ) as {{ name }} ({{ columns | join(', ') }})
{%- endmacro %}

{#- The values of a group as a list, in an order. -#}
{% macro ordered_list(value, order) -%}
    {{ return(adapter.dispatch('ordered_list')(value, order)) }}
{%- endmacro %}
{% macro default__ordered_list(value, order) -%}array_agg({{ value }} order by {{ order }}){%- endmacro %}
{% macro spark__ordered_list(value, order) -%}
    transform(array_sort(collect_list(struct({{ order }} as place, {{ value }} as value))), pair -> pair.value)
{%- endmacro %}

{#- How many of a rising list of numbers are at or below a number. -#}
{% macro place_among(number, list) -%}
    {{ return(adapter.dispatch('place_among')(number, list)) }}
{%- endmacro %}
{% macro default__place_among(number, list) -%}width_bucket({{ number }}, {{ list }}){%- endmacro %}
{% macro spark__place_among(number, list) -%}size(filter({{ list }}, bound -> bound <= {{ number }})){%- endmacro %}

{#- A text to sort by, by code points whatever the database's language; Spark sorts so by itself. -#}
{% macro by_code_point(text) -%}
    {{ return(adapter.dispatch('by_code_point')(text)) }}
{%- endmacro %}
{% macro default__by_code_point(text) -%}{{ text }} collate "C"{%- endmacro %}
{% macro spark__by_code_point(text) -%}{{ text }}{%- endmacro %}

{#- A number as a double. -#}
{% macro as_double(number) -%}
    {{ return(adapter.dispatch('as_double')(number)) }}
{%- endmacro %}
{% macro default__as_double(number) -%}{{ number }}::double precision{%- endmacro %}
{% macro spark__as_double(number) -%}cast({{ number }} as double){%- endmacro %}

{#- Each of `rows` with the first of its candidates in an order, as `name`: what follows `from`. `key` are the columns that tell
    the rows apart. -#}
{% macro first_candidate(rows, key, candidates, condition, columns, order, name) -%}
    {{ return(adapter.dispatch('first_candidate')(rows, key, candidates, condition, columns, order, name)) }}
{%- endmacro %}
{% macro default__first_candidate(rows, key, candidates, condition, columns, order, name) -%}
    {{ rows }}
cross join lateral (
    select {{ candidates }}.{{ columns | join(', ' ~ candidates ~ '.') }}
    from {{ candidates }}
    where {{ condition }}
    order by {{ order }}
    limit 1
) as {{ name }}
{%- endmacro %}
{% macro spark__first_candidate(rows, key, candidates, condition, columns, order, name) -%}
    {{ rows }}
inner join (
    select
        {{ rows }}.{{ key | join(', ' ~ rows ~ '.') }},
        {{ candidates }}.{{ columns | join(', ' ~ candidates ~ '.') }},
        row_number() over (partition by {{ rows }}.{{ key | join(', ' ~ rows ~ '.') }} order by {{ order }}) as candidate_rank
    from {{ rows }}
    inner join {{ candidates }} on {{ condition }}
) as {{ name }}
    on {{ name }}.candidate_rank = 1
    {%- for column in key %}
    and {{ rows }}.{{ column }} = {{ name }}.{{ column }}
    {%- endfor %}
{%- endmacro %}

{#- A text such as 2026-10-05 as a day; null where the calendar has no such day, and where it is another text. -#}
{% macro valid_date(text) -%}
    {{ return(adapter.dispatch('valid_date')(text)) }}
{%- endmacro %}
{% macro default__valid_date(text) -%}
    case
        when
            {{ matches(text, "'^[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2}$'") }}
            and to_char(
                to_date(left({{ text }}, 7), 'YYYY-MM') + cast(right({{ text }}, 2) as integer) - 1, 'YYYY-MM-DD'
            )
            = {{ text }}
            then to_date({{ text }}, 'YYYY-MM-DD')
    end
{%- endmacro %}
{% macro spark__valid_date(text) -%}
    case when {{ matches(text, "'^[0-9]{4}-[0-9]{2}-[0-9]{2}$'") }} then try_cast({{ text }} as date) end
{%- endmacro %}

{#- A text with each match of a regular expression replaced. -#}
{% macro replaced_all(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('replaced_all')(text, pattern, replacement)) }}
{%- endmacro %}
{% macro default__replaced_all(text, pattern, replacement) -%}regexp_replace({{ text }}, {{ pattern }}, {{ replacement }}, 'g'){%- endmacro %}
{% macro spark__replaced_all(text, pattern, replacement) -%}regexp_replace({{ text }}, {{ pattern }}, {{ replacement }}){%- endmacro %}

{#- The different texts of a group in one, sorted by code points; null where there is none. -#}
{% macro distinct_texts(text) -%}
    {{ return(adapter.dispatch('distinct_texts')(text)) }}
{%- endmacro %}
{% macro default__distinct_texts(text) -%}string_agg(distinct {{ text }} collate "C", ', ' order by {{ text }} collate "C"){%- endmacro %}
{% macro spark__distinct_texts(text) -%}nullif(array_join(array_sort(collect_set({{ text }})), ', '), ''){%- endmacro %}

{#- The value of a group's row that is the last in an order. -#}
{% macro last_value_by(value, order) -%}
    {{ return(adapter.dispatch('last_value_by')(value, order)) }}
{%- endmacro %}
{% macro default__last_value_by(value, order) -%}(array_agg({{ value }} order by {{ order }} desc))[1]{%- endmacro %}
{% macro spark__last_value_by(value, order) -%}max_by({{ value }}, {{ order }}){%- endmacro %}

{#- The median of a group's exact numbers, rounded. -#}
{% macro rounded_median(number, decimals) -%}
    {{ return(adapter.dispatch('rounded_median')(number, decimals)) }}
{%- endmacro %}
{% macro default__rounded_median(number, decimals) -%}
    round(cast(percentile_cont(0.5) within group (order by {{ number }}) as numeric), {{ decimals }})
{%- endmacro %}
{% macro spark__rounded_median(number, decimals) -%}
    round(cast(percentile_cont(0.5) within group (order by {{ number }}) as decimal(18, 8)), {{ decimals }})
{%- endmacro %}

{#- An exact number of a table that people see as text, such as 92.5. -#}
{% macro number_text(number) -%}
    {{ return(adapter.dispatch('number_text')(number)) }}
{%- endmacro %}
{% macro default__number_text(number) -%}cast(trim_scale({{ number }}) as text){%- endmacro %}
{% macro spark__number_text(number) -%}regexp_replace(cast(cast({{ number }} as decimal(18, 8)) as string), '[.]?0*$', ''){%- endmacro %}

{#- Each row of the table before it, once for every day from the first to the last, as `name.day`. -#}
{% macro each_day(first_day, last_day, name) -%}
    {{ return(adapter.dispatch('each_day')(first_day, last_day, name)) }}
{%- endmacro %}
{% macro default__each_day(first_day, last_day, name) -%}
    cross join
        lateral (
            select cast(moments.moment as date) as day
            from generate_series(
                cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval '1 day'
            ) as moments (moment)
        ) as {{ name }}
{%- endmacro %}
{% macro spark__each_day(first_day, last_day, name) -%}
    cross join lateral explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day)) as {{ name }} (day)
{%- endmacro %}

{#- The number of a day in its week, Monday being 1. -#}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday')(day)) }}
{%- endmacro %}
{% macro default__iso_weekday(day) -%}extract(isodow from {{ day }}){%- endmacro %}
{% macro spark__iso_weekday(day) -%}(weekday({{ day }}) + 1){%- endmacro %}

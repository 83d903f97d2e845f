-- Each macro of macros/portable.sql and corrections.sql that has a form of its own on an engine, on values for which the forms could
-- differ; the rows are those that give something else than what stands here. `make test` runs it on Postgres, `make engines` on Spark.
with scored as (
    select 1 as place, 'b' as label, {{ exact_number("'2.50'") }} as score, cast('2026-10-05' as date) as day
    union all
    select 2 as place, 'B' as label, {{ exact_number("'0'") }} as score, cast('2026-10-11' as date) as day
    union all
    select 3 as place, 'a' as label, {{ exact_number("'-1.25'") }} as score, cast('2026-10-12' as date) as day
),

texts as (
    select '{"score": "8", "other": "9"}' as corrections
),

bounds as (
    select {{ integer_list([0, 10, 20]) }} as bounds
),

grouped as (
    select
        {{ ordered_list('label', 'place') }} as labels,
        {{ distinct_texts('label') }} as different_labels,
        {{ last_value_by('label', 'place') }} as last_label,
        {{ rounded_median('score', 1) }} as median_score
    from scored
),

first_by_code_point as (
    select label
    from scored
    order by {{ by_code_point('label') }}
    limit 1
),

candidates as (
    select * from scored
),

above as (
    select
        scored.place,
        next_rows.label
    from {{ first_candidate(
        rows='scored',
        key=['place'],
        candidates='candidates',
        condition='candidates.place > scored.place',
        columns=['label'],
        order='candidates.place',
        name='next_rows',
    ) }}
),

unfolded as (
    select
        scored.place,
        parts.number
    from scored
    {{ lateral_rows([['1', 'scored.place'], ['2', '10 * scored.place']], 'parts', ['position', 'number']) }}
),

days as (
    select days.day
    from scored
    {{ each_day('scored.day', "cast('2026-10-12' as date)", 'days') }}
    where scored.place = 2
),

judged as (
    select
        'matches' as macro,
        {{ matches("'a1'", "'^[a-z][0-9]+$'") }} and not {{ matches("'1a'", "'^[a-z]'") }} as is_right
    union all
    select
        'without_blanks' as macro,
        {{ without_blanks("' a b '") }} = 'a b' as is_right
    union all
    select
        'exact_number' as macro,
        {{ exact_number("'40.10'") }} = {{ exact_number("'40.1'") }} as is_right
    union all
    select
        'as_score' as macro,
        {{ as_score(exact_number("'40.1'")) }} = {{ exact_number("'40.1'") }} as is_right
    union all
    select
        'times_count' as macro,
        {{ times_count(as_score(exact_number("'33.25'")), '3000000000') }} = 99750000000 as is_right
    union all
    select
        'trimmed_number' as macro,
        {{ trimmed_number(exact_number("'40.10'")) }} = {{ exact_number("'40.1'") }} as is_right
    union all
    -- Half away from zero, and rounded once.
    select
        'rounded_ratio' as macro,
        {{ rounded_ratio(exact_number("'1'"), '32') }} = {{ exact_number("'0.0313'") }}
        and {{ rounded_ratio(exact_number("'2'"), '3') }} = {{ exact_number("'0.6667'") }} as is_right
    union all
    select
        'item and integer_list' as macro,
        {{ item('bounds', 2) }} = 10 as is_right
    from bounds
    union all
    select
        'place_among' as macro,
        {{ place_among('-1', 'bounds') }} = 0 and {{ place_among('10', 'bounds') }} = 2 and {{ place_among('99', 'bounds') }} = 3 as is_right
    from bounds
    union all
    select
        'ordered_list' as macro,
        {{ item('labels', 1) }} = 'b' and {{ item('labels', 3) }} = 'a' as is_right
    from grouped
    union all
    select
        'distinct_texts' as macro,
        different_labels = 'B, a, b' as is_right
    from grouped
    union all
    select
        'last_value_by' as macro,
        last_label = 'a' as is_right
    from grouped
    union all
    select
        'rounded_median' as macro,
        median_score = 0 as is_right
    from grouped
    union all
    select
        'by_code_point' as macro,
        label = 'B' as is_right
    from first_by_code_point
    union all
    select
        'as_double' as macro,
        {{ as_double('1') }} / 4 = 0.25 as is_right
    union all
    select
        'first_candidate' as macro,
        count(*) = 2 and min(label) = 'B' and max(label) = 'a' as is_right
    from above
    union all
    select
        'lateral_rows' as macro,
        count(*) = 6 and sum(number) = 66 as is_right
    from unfolded
    union all
    select
        'valid_date' as macro,
        {{ valid_date("'2028-02-29'") }} = cast('2028-02-29' as date)
        and {{ valid_date("'2026-02-29'") }} is null
        and {{ valid_date("'2026-10-5'") }} is null as is_right
    union all
    select
        'replaced_all' as macro,
        {{ replaced_all("'a-b-c'", "'-'", "''") }} = 'abc' as is_right
    union all
    select
        'number_text' as macro,
        {{ number_text(exact_number("'92.50'")) }} = '92.5' and {{ number_text(exact_number("'100'")) }} = '100' as is_right
    union all
    select
        'each_day' as macro,
        count(*) = 2 and min(day) = cast('2026-10-11' as date) as is_right
    from days
    union all
    select
        'iso_weekday' as macro,
        min({{ iso_weekday('day') }}) = 1 and max({{ iso_weekday('day') }}) = 7 as is_right
    from scored
    union all
    select
        'correction' as macro,
        {{ correction('score') }} = '8' and {{ correction('third') }} is null as is_right
    from texts
)

select macro
from judged
where not coalesce(is_right, false)

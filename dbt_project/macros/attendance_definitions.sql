{#- Whether days of attendance are in the range of a definition, both names of tables. Bounds are compared as products, so that exactly
    90 % is exactly 90 %. -#}
{% macro in_range_of(attendance, definition) -%}
    (
        100 * {{ attendance }}.present_days > {{ definition }}.lower_pct * {{ attendance }}.enrolled_days
        or (
            {{ definition }}.includes_lower
            and 100 * {{ attendance }}.present_days = {{ definition }}.lower_pct * {{ attendance }}.enrolled_days
        )
    )
    and (
        100 * {{ attendance }}.present_days < {{ definition }}.upper_pct * {{ attendance }}.enrolled_days
        or (
            {{ definition }}.includes_upper
            and 100 * {{ attendance }}.present_days = {{ definition }}.upper_pct * {{ attendance }}.enrolled_days
        )
    )
{%- endmacro %}

{#- What a price of one billing period comes to in a month.
    Arguments: amount (SQL), interval (SQL: day, week, month or year), interval_count (SQL). -#}
{% macro stripe_monthly(amount, interval, interval_count) -%}
    {#- Through nine decimals: half a cent must not depend on whether the engine
        divides decimals or floating-point numbers. -#}
    cast(cast(
        case {{ interval }}
            when 'day' then {{ amount }} * 365 / 12
            when 'week' then {{ amount }} * 52 / 12
            when 'year' then {{ amount }} * 1.0 / 12
            else {{ amount }} * 1.0
        end / coalesce({{ interval_count }}, 1) as decimal(28, 9)
    ) as decimal(18, 2))
{%- endmacro %}

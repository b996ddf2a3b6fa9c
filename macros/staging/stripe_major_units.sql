{#- A Stripe amount, which counts the currency's smallest unit, in the currency
    itself. The yen has no smaller unit and the Kuwaiti dinar has a thousand.
    The krona of Iceland and the shilling of Uganda have no smaller unit either,
    but Stripe's API counts them in hundredths.
    https://docs.stripe.com/currencies#special-cases

    Arguments: amount (SQL, whole number), currency (SQL). -#}
{% macro stripe_major_units(amount, currency) -%}
    {%- set zero_decimal = [
        'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF', 'XOF', 'XPF',
    ] -%}
    {%- set three_decimal = ['BHD', 'JOD', 'KWD', 'OMR', 'TND'] -%}
    cast(
        {{ amount }} * case
            when upper({{ currency }}) in ('{{ zero_decimal | join("', '") }}') then 1.000
            when upper({{ currency }}) in ('{{ three_decimal | join("', '") }}') then 0.001
            else 0.010
        end as decimal(18, 2)
    )
{%- endmacro %}

{#- One row per Stripe price or plan (its older name, same ids): price_id,
    product_name (without a product, the price's own name or id), unit_amount (minor units), currency, billing_interval,
    interval_count. The body of a CTE. -#}
{% macro stripe_prices() %}
    select
        coalesce(prices.id, plans.id) as price_id,
        coalesce(products.name, prices.nickname, plans.nickname, prices.id, plans.id) as product_name,
        coalesce(
            cast(prices.unit_amount as decimal(18, 6)),
            prices.unit_amount_decimal,
            cast(plans.amount as decimal(18, 6))
        ) as unit_amount,
        coalesce(prices.currency, plans.currency) as currency,
        coalesce(prices.recurring_interval, plans.billing_interval) as billing_interval,
        coalesce(prices.recurring_interval_count, plans.interval_count) as interval_count
    from (
        {{ raw_table('stripe', 'price') }}
    ) as prices
    full join (
        select
            id,
            product_id,
            amount,
            currency,
            nickname,
            {{ adapter.quote('interval') }} as billing_interval,
            interval_count
        from (
            {{ raw_table('stripe', 'plan') }}
        ) as raw_plans
    ) as plans on prices.id = plans.id
    left join (
        {{ raw_table('stripe', 'product') }}
    ) as products on coalesce(prices.product_id, plans.product_id) = products.id
{% endmacro %}

{%- set assumed = var('value_model') -%}
{%- set kept = assumed.annual_retention -%}
{%- set years_worth = 'cast(%.6f as decimal(18, 6))' | format(kept / (1 + assumed.annual_discount - kept)) -%}
with billing as (
    select * from {{ ref('feat_customers__billing') }}
),

tiers as (
    select
        tier,
        mrr_from,
        lead(mrr_from) over (order by mrr_from) as mrr_below
    from {{ ref('mrr_tiers') }}
),

-- Who pays by subscription is worth what the subscription leaves; who never had one, what
-- their orders leave. Somebody whose subscription ended has shown no rate to go on with.
judged as (
    select
        customer_id,
        mrr,
        purchase_amount,
        gross_margin_lifetime,
        gross_margin_rate,
        coalesce(gross_margin_rate, cast({{ assumed.gross_margin }} as decimal(18, 4))) as margin_rate,
        case
            when mrr > 0 then 'subscription'
            when subscription_count = 0 and {{ days_since('first_purchase_at') }} >= {{ assumed.observed_days }}
                then 'orders'
        end as predicted_value_method,
        {{ days_since('first_purchase_at') }} as days_observed
    from billing
)

select
    judged.customer_id,
    judged.predicted_value_method,
    tiers.tier as mrr_tier,
    -- Divisions pass through nine decimals: half a cent must not depend on how an engine divides.
    cast(
        case judged.predicted_value_method
            when 'subscription'
                then cast(judged.mrr as decimal(28, 2)) * 12 * judged.margin_rate * {{ years_worth }}
            when 'orders'
                then
                    cast(
                        cast(judged.purchase_amount as decimal(28, 2)) * {{ assumed.horizon_days }}
                        / nullif(judged.days_observed, 0)
                        as decimal(28, 9)
                    ) * judged.margin_rate
        end as decimal(18, 2)
    ) as predicted_value,
    judged.gross_margin_lifetime,
    judged.gross_margin_rate
from judged
left join tiers
    on judged.mrr >= tiers.mrr_from
    and (tiers.mrr_below is null or judged.mrr < tiers.mrr_below)

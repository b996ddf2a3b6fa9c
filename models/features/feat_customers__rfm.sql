with buyers as (
    select * from {{ ref('feat_customers__billing') }}
    where purchase_count > 0
),

rfm_grid as (
    select * from {{ ref('rfm_grid') }}
),

measured as (
    select
        customer_id,
        {{ calendar_days_since('last_purchase_at') }} as rfm_recency_days,
        purchase_count as rfm_frequency,
        purchase_amount as rfm_monetary
    from buyers
),

scored as (
    select
        *,
        {{ quintile('rfm_recency_days desc') }} as recency_score,
        {{ quintile('rfm_frequency') }} as frequency_score,
        {{ quintile('rfm_monetary') }} as monetary_score
    from measured
)

select
    scored.customer_id,
    rfm_grid.rfm_cell,
    scored.rfm_recency_days,
    scored.rfm_frequency,
    scored.rfm_monetary,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score
from scored
left join rfm_grid
    on scored.recency_score = rfm_grid.recency_score and scored.frequency_score = rfm_grid.frequency_score

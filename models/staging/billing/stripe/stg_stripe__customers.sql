{{ config(enabled=is_fed_by('billing', 'customers', 'stripe')) }}

with customers as (
    {{ raw_table('stripe', 'customer') }}
),

-- A deleted customer keeps its id, which its invoices refer to, and nothing
-- that says who it was.
renamed as (
    select
        -- ids
        id as billing_customer_id,
        case
            when not coalesce(is_deleted, false)
                then {{ json_text('metadata', var('stripe_user_id_key', 'user_id')) }}
        end as user_id,

        -- text
        case when not coalesce(is_deleted, false) then email end as email,
        case when not coalesce(is_deleted, false) then name end as name,
        address_country as country,

        -- times
        created as created_at,
        _fivetran_synced as loaded_at
    from customers
    where coalesce(livemode, true)
)

select * from renamed

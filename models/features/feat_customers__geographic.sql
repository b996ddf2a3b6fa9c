with customers as (
    select * from {{ ref('dim_customers') }}
),

country_regions as (
    select * from {{ ref('country_regions') }}
),

-- People write a region by its code or by its name.
climate_regions as (
    select
        country,
        lower(region_code) as region,
        climate_zone
    from {{ ref('climate_regions') }}
    union
    select
        country,
        lower(region_name) as region,
        climate_zone
    from {{ ref('climate_regions') }}
),

-- Asked once per time zone, not once per customer.
offsets as (
    select
        timezone,
        {{ utc_offset_hours('timezone') }} as utc_offset_hours
    from (
        select timezone
        from customers
        where timezone is not null
        group by timezone
    ) as zones
)

select
    customers.customer_id,
    customers.country,
    country_regions.country_name,
    customers.region,
    country_regions.world_region,
    customers.city,
    customers.postal_code,
    customers.timezone as time_zone,
    coalesce(climate_regions.climate_zone, country_regions.climate_zone) as climate_zone,
    country_regions.language as country_language,
    country_regions.currency as country_currency,
    offsets.utc_offset_hours
from customers
left join country_regions on customers.country = country_regions.country
left join climate_regions
    on customers.country = climate_regions.country and lower(customers.region) = climate_regions.region
left join offsets on customers.timezone = offsets.timezone
where
    coalesce(customers.country, customers.region, customers.city, customers.postal_code, customers.timezone)
    is not null

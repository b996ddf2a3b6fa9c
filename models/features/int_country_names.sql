-- Systems write countries as codes or as names; all lead to the code.
with country_regions as (
    select * from {{ ref('country_regions') }}
),

country_aliases as (
    select * from {{ ref('country_aliases') }}
),

names as (
    select
        country as name,
        country
    from country_regions

    union

    select
        upper(country_name) as name,
        country
    from country_regions

    union

    select
        upper(alias) as name,
        country
    from country_aliases
)

select
    names.name,
    names.country,
    country_regions.world_region
from names
inner join country_regions on names.country = country_regions.country

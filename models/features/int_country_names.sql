-- Systems write countries as codes or as names; both lead to the code.
with country_regions as (
    select * from {{ ref('country_regions') }}
)

select
    upper(country) as name,
    country,
    world_region
from country_regions

union

select
    upper(country_name) as name,
    country,
    world_region
from country_regions

{{ config(materialized='view') }}

with acknowledged as (
    select
        *,
        lower(coalesce(identifier, entity_key)) as known_by
    from {{ ref('sync_acknowledged') }}
),

-- A reading that was cut off says nothing about whom it did not reach.
readings as (
    select
        sync_name,
        reading_id,
        observed_at
    from {{ ref('sync_observed') }}
    where identifier is null
),

-- A list may have somebody twice, and others write addresses in capitals.
observed as (
    select
        seen.sync_name,
        lower(seen.identifier) as known_by,
        max(seen.observed_at) as observed_at
    from {{ ref('sync_observed') }} as seen
    inner join readings on seen.sync_name = readings.sync_name and seen.reading_id = readings.reading_id
    where seen.identifier is not null
    group by seen.sync_name, lower(seen.identifier)
),

expected as (
    select acknowledged.*
    from acknowledged
    inner join readings on acknowledged.sync_name = readings.sync_name
    where acknowledged.delivered_at <= readings.observed_at
)

select
    expected.sync_name,
    expected.known_by as identifier,
    expected.entity_key,
    'missing' as drift,
    readings.observed_at
from expected
inner join readings on expected.sync_name = readings.sync_name
left join observed on expected.sync_name = observed.sync_name and expected.known_by = observed.known_by
where observed.known_by is null

union all

select
    observed.sync_name,
    observed.known_by as identifier,
    cast(null as {{ dbt.type_string() }}) as entity_key,
    'unexpected' as drift,
    observed.observed_at
from observed
left join acknowledged on observed.sync_name = acknowledged.sync_name and observed.known_by = acknowledged.known_by
where acknowledged.known_by is null

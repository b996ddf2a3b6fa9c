-- Accounts that the CRM has merged into others, each with the one that is left. The only place
-- that knows about merges: whatever reads an account id looks it up here.
with recursive account_merges as (
    select
        cast(null as {{ dbt.type_string() }}) as merged_id,
        cast(null as {{ dbt.type_string() }}) as surviving_id
    from (select 1 as nothing) as absent
    where 1 = 0
),

-- The account that is left may have been merged itself; ten steps end a circle of merges.
followed as (
    select
        merged_id,
        surviving_id,
        1 as step
    from account_merges

    union all

    select
        followed.merged_id,
        account_merges.surviving_id,
        followed.step + 1 as step
    from followed
    inner join account_merges on followed.surviving_id = account_merges.merged_id
    where followed.step < 10
),

ranked as (
    select
        merged_id,
        surviving_id,
        row_number() over (partition by merged_id order by step desc, surviving_id asc) as position
    from followed
)

select
    merged_id as account_id,
    surviving_id as surviving_account_id
from ranked
where position = 1

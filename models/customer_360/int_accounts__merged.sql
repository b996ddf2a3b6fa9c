-- Accounts that the CRM has merged into others, each with the one that is left.
with account_merges as (
    select * from {{ ref('int_identity__merges') }}
    where object = 'account'
)

select
    merged_id as account_id,
    surviving_id as surviving_account_id
from account_merges

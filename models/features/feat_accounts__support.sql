with tickets as (
    select * from {{ ref('fct_tickets') }}
    where account_id is not null
)

select
    account_id,
    {{ ticket_measures() }}
from tickets
group by account_id

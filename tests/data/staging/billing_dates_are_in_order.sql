-- Odd but possible, so the rows are used: a deposit may be paid before its invoice, a trial
-- that ended before the start is no trial.
{{ config(severity='warn') }}

select
    'subscriptions' as entity,
    subscription_id as row_key,
    started_at as expected_from,
    trial_ends_at as found
from {{ ref('stg_billing__subscriptions') }}
where trial_ends_at < started_at
union all
select
    'invoices' as entity,
    invoice_id as row_key,
    issued_at as expected_from,
    paid_at as found
from {{ ref('stg_billing__invoices') }}
where paid_at < issued_at - interval '1' day

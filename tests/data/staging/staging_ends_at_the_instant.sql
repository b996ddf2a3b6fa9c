-- Nothing that staging hands on happened after the instant that the run evaluates.
{%- set times = {
    'stg_crm__contacts': ['created_at', 'updated_at'],
    'stg_crm__accounts': ['created_at', 'updated_at'],
    'stg_crm__deals': ['created_at', 'closed_at'],
    'stg_crm__consents': ['recorded_at'],
    'stg_crm__enrichment': ['observed_at'],
    'stg_crm__merges': ['merged_at'],
    'stg_billing__customers': ['created_at'],
    'stg_billing__subscriptions': ['started_at', 'cancelled_at', 'ended_at'],
    'stg_billing__subscription_changes': ['changed_at'],
    'stg_billing__invoices': ['issued_at', 'paid_at'],
    'stg_billing__payments': ['attempted_at'],
    'stg_billing__refunds': ['refunded_at'],
    'stg_events__events': ['occurred_at'],
    'stg_support__tickets': ['created_at', 'first_response_at', 'solved_at'],
    'stg_survey__responses': ['responded_at'],
} %}
{%- for interface, columns in times.items() %}
{%- set outer_loop = loop %}
{%- for column in columns %}
select
    '{{ interface }}.{{ column }}' as found_in,
    count(*) as later_count
from {{ ref(interface) }}
where {{ column }} > {{ as_of() }}
having count(*) > 0
{{ 'union all' if not (loop.last and outer_loop.last) }}
{%- endfor %}
{%- endfor %}

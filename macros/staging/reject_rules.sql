{#- Why a row of a staging interface is not used: a list of rules, each
      reason     what a person reads
      when       SQL over `adapted` (the interface's columns as the adapter gives them)
                 and, for money, `rates`
      columns    what is shown as found
      keeps_row  true where only the value is not used (an e-mail that is not one)
    A row that a rule turns away is in operations.rejected_rows with its reason, and
    nowhere else. Arguments: domain, entity. -#}
{% macro reject_rules(domain, entity) %}
    {%- set not_an_email = {
        'reason': 'the e-mail is not an address',
        'when': "trim(adapted.email) <> '' and (" ~ normalise_email('adapted.email') ~ ") is null",
        'columns': ['email'],
        'keeps_row': true,
    } -%}
    {%- set mrr_is_negative = {'reason': 'mrr is negative', 'when': 'adapted.mrr < 0', 'columns': ['mrr']} -%}
    {%- set quantity_is_negative = {
        'reason': 'quantity is negative', 'when': 'adapted.quantity < 0', 'columns': ['quantity'],
    } -%}
    {%- set amount_is_negative = {
        'reason': 'amount is negative', 'when': 'adapted.amount < 0', 'columns': ['amount'],
    } -%}
    {%- set rules = {
        'crm': {
            'contacts': [not_an_email],
        },
        'billing': {
            'customers': [not_an_email],
            'subscriptions': [
                {'reason': 'ends before it starts', 'when': 'adapted.ended_at < adapted.started_at',
                 'columns': ['started_at', 'ended_at']},
                mrr_is_negative,
                quantity_is_negative,
            ],
            'subscription_changes': [
                mrr_is_negative,
                quantity_is_negative,
            ],
            'invoices': [
                {'reason': 'a credit note is not negative',
                 'when': "adapted.status = 'credit_note' and adapted.amount > 0", 'columns': ['amount']},
            ],
            'payments': [amount_is_negative],
            'refunds': [amount_is_negative],
        },
        'support': {
            'tickets': [not_an_email],
        },
        'survey': {
            'responses': [not_an_email],
        },
    }.get(domain, {}).get(entity, []) -%}
    {%- if (domain, entity) == ('billing', 'subscription_changes') -%}
        {%- do rules.extend(_rules_of_dates_of_changes()) -%}
    {%- endif -%}
    {%- set nodes = graph.nodes if execute else {} -%}
    {%- set interface = nodes.get('model.strata.stg_' ~ domain ~ '__' ~ entity, {}) -%}
    {%- set money = [] -%}
    {%- for column in interface.get('columns', {}).values() if column.meta.get('money') == 'converted' -%}
        {%- do money.append('adapted.' ~ column.name) -%}
    {%- endfor -%}
    {%- if money -%}
        {%- do rules.append({
            'reason': 'the seed exchange_rates has no rate for its currency',
            'when': 'coalesce(' ~ money | join(', ') ~ ') is not null and rates.currency is null '
                ~ "and adapted.currency <> '" ~ reporting_currency() ~ "'",
            'columns': ['currency'],
        }) -%}
    {%- endif -%}
    {{- return(rules) -}}
{% endmacro %}


{#- A change lies within its subscription, give or take a day for systems that write both
    at different times. Whoever calls this depends on stg_billing__subscriptions. -#}
{% macro _rules_of_dates_of_changes() %}
    {%- set rules = [] -%}
    {%- for reason, condition in [
        ('changes more than a day before its subscription starts',
         "adapted.changed_at < subscriptions.started_at - interval '1' day"),
        ('changes more than a day after its subscription ended',
         "adapted.changed_at > subscriptions.ended_at + interval '1' day"),
    ] if execute -%}
        {%- do rules.append({
            'reason': reason,
            'when': 'exists (select 1 from ' ~ ref('stg_billing__subscriptions') ~ ' as subscriptions'
                ~ ' where subscriptions.subscription_id = adapted.subscription_id and ' ~ condition ~ ')',
            'columns': ['changed_at'],
        }) -%}
    {%- endfor -%}
    {{- return(rules) -}}
{% endmacro %}

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
    {%- set no_amount = {'reason': 'the amount is missing', 'when': 'adapted.amount is null', 'columns': ['amount']} -%}
    {%- set rules = {
        'crm': {
            'contacts': [not_an_email],
        },
        'billing': {
            'customers': [not_an_email],
            'subscriptions': [
                {'reason': 'ends before it starts', 'when': 'adapted.ended_at < adapted.started_at',
                 'columns': ['started_at', 'ended_at']},
                {'reason': 'mrr is negative', 'when': 'adapted.mrr < 0', 'columns': ['mrr']},
            ],
            'subscription_changes': [
                {'reason': 'mrr is negative', 'when': 'adapted.mrr < 0', 'columns': ['mrr']},
            ],
            'invoices': [no_amount],
            'payments': [
                no_amount,
                {'reason': 'amount is negative', 'when': 'adapted.amount < 0', 'columns': ['amount']},
            ],
            'refunds': [
                no_amount,
                {'reason': 'amount is negative', 'when': 'adapted.amount < 0', 'columns': ['amount']},
            ],
        },
        'support': {
            'tickets': [not_an_email],
        },
        'survey': {
            'responses': [not_an_email],
        },
    }.get(domain, {}).get(entity, []) -%}
    {%- set nodes = graph.nodes if execute else {} -%}
    {%- set interface = nodes.get('model.strata.stg_' ~ domain ~ '__' ~ entity, {}) -%}
    {%- for column in interface.get('columns', {}).values() if column.meta.get('money') == 'converted' -%}
        {%- do rules.append({
            'reason': 'the seed exchange_rates has no rate for its currency',
            'when': 'adapted.' ~ column.name ~ ' is not null and rates.currency is null '
                ~ "and adapted.currency <> '" ~ reporting_currency() ~ "'",
            'columns': ['currency'],
        }) -%}
    {%- endfor -%}
    {{- return(rules) -}}
{% endmacro %}

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
    {#- Facts of a provider are text: one that is not of its attribute's type is not used. -#}
    {%- set whole = "translate(trim(adapted.value), '0123456789', '') = '' and length(trim(adapted.value)) between 1 and 9" -%}
    {%- set number -%}
        translate(trim(adapted.value), '0123456789', '') in ('', '.')
            and length(split_part(trim(adapted.value), '.', 1)) between 1 and 15
    {%- endset -%}
    {%- set ends_in_leap_year -%}
        substr(adapted.value, 3, 2) in ({% for year in range(0, 100, 4) %}'{{ '%02d' % year }}'{{ ', ' if not loop.last }}{% endfor %})
    {%- endset -%}
    {%- set date -%}
        adapted.value like '____-__-__' and translate(adapted.value, '0123456789', '') = '--'
            and substr(adapted.value, 1, 4) between '1901' and '2099'
            and substr(adapted.value, 6, 2) between '01' and '12'
            and substr(adapted.value, 9, 2) between '01' and case
                when substr(adapted.value, 6, 2) = '02' then case when {{ ends_in_leap_year }} then '29' else '28' end
                when substr(adapted.value, 6, 2) in ('04', '06', '09', '11') then '30'
                else '31'
            end
    {%- endset -%}
    {%- set attribute_types = [
        ('employee_count', 'a whole number of at most 9 digits', whole),
        ('annual_revenue', 'a number', number),
        ('birth_date', 'a date such as 1980-12-31', date),
    ] -%}
    {%- set not_of_its_type = [] -%}
    {%- for attribute, type, is_one in attribute_types -%}
        {%- do not_of_its_type.append({
            'reason': attribute ~ ' is not ' ~ type,
            'when': "adapted.attribute = '" ~ attribute ~ "' and not (" ~ is_one ~ ")",
            'columns': ['email', 'domain', 'attribute', 'value'],
        }) -%}
    {%- endfor -%}
    {%- set off_the_scale = [] -%}
    {%- for kind, lowest, highest in [('nps', 0, 10), ('csat', 1, 5), ('ces', 1, 7)] -%}
        {%- do off_the_scale.append({
            'reason': 'the score is not a whole number from ' ~ lowest ~ ' to ' ~ highest,
            'when': "adapted.kind = '" ~ kind ~ "' and (adapted.score < " ~ lowest ~ ' or adapted.score > ' ~ highest
                ~ ' or adapted.score <> floor(adapted.score))',
            'columns': ['kind', 'score'],
        }) -%}
    {%- endfor -%}
    {%- set mrr_is_negative = {'reason': 'mrr is negative', 'when': 'adapted.mrr < 0', 'columns': ['mrr']} -%}
    {%- set quantity_is_negative = {
        'reason': 'quantity is negative', 'when': 'adapted.quantity < 0', 'columns': ['quantity'],
    } -%}
    {%- set amount_is_negative = {
        'reason': 'amount is negative', 'when': 'adapted.amount < 0', 'columns': ['amount'],
    } -%}
    {%- set rules = {
        'crm': {
            'contacts': [
                not_an_email,
                {'reason': 'the birth date is before 1900 or after the instant',
                 'when': "adapted.birth_date < date '1900-01-01' or adapted.birth_date > " ~ as_of(),
                 'columns': ['birth_date'], 'keeps_row': true},
            ],
            'enrichment': not_of_its_type,
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
            'tickets': [
                not_an_email,
                {'reason': 'is answered before it is created', 'when': 'adapted.first_response_at < adapted.created_at',
                 'columns': ['created_at', 'first_response_at'], 'keeps_row': true},
                {'reason': 'is solved before it is created', 'when': 'adapted.solved_at < adapted.created_at',
                 'columns': ['created_at', 'solved_at'], 'keeps_row': true},
                {'reason': 'the satisfaction is not from 1 to 5',
                 'when': 'adapted.csat_score < 1 or adapted.csat_score > 5',
                 'columns': ['csat_score'], 'keeps_row': true},
            ],
        },
        'survey': {
            'responses': [not_an_email] + off_the_scale,
        },
    }.get(domain, {}).get(entity, []) -%}
    {%- if (domain, entity) == ('billing', 'subscription_changes') -%}
        {%- do rules.extend(_rules_of_dates_of_changes()) -%}
    {%- endif -%}
    {%- do rules.extend(_rules_of_demands(interface_demands(domain, entity))) -%}
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


{#- What the tests of an interface demand: its key once, no null and no code that is refused. -#}
{% macro _rules_of_demands(demands) %}
    {%- set rules = [] -%}
    {%- for column in demands.required if column != 'source_system' -%}
        {%- do rules.append({
            'reason': 'it has no ' ~ column | replace('"', ''),
            'when': 'adapted.' ~ column ~ ' is null',
            'columns': [],
        }) -%}
    {%- endfor -%}
    {%- if demands.key -%}
        {%- do rules.append({
            'reason': 'another row has its ' ~ demands.key | join(' and '),
            'when': 'adapted.version > 1 and adapted.' ~ demands.key | join(' is not null and adapted.') ~ ' is not null',
            'columns': demands.key,
        }) -%}
    {%- endif -%}
    {%- for column, codes in demands.accepted.items() -%}
        {%- do rules.append({
            'reason': column ~ ' is none of ' ~ codes | join(', '),
            'when': 'adapted.' ~ column ~ " not in ('" ~ codes | join("', '") ~ "')",
            'columns': [column],
        }) -%}
    {%- endfor -%}
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

-- Weeks are seven calendar days each, counted back from the last day; any day of one is enough.
{%- set cases = [
    [performed_regularly('paid', 2, 3), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 7}], true],
    [performed_regularly('paid', 2, 3), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 6}], false],
    [performed_regularly('paid', 2, 3), [{'event': 'paid', 'days_ago': 6}, {'event': 'paid', 'days_ago': 7}], true],
    [performed_regularly('paid', 2, 3), [{'event': 'paid', 'days_ago': 13}, {'event': 'paid', 'days_ago': 20}], true],
    [performed_regularly('paid', 2, 3), [{'event': 'paid', 'days_ago': 14}, {'event': 'paid', 'days_ago': 20}], false],
    [performed_regularly('paid', 2, 3), [{'event': 'paid', 'days_ago': 20}, {'event': 'paid', 'days_ago': 21}], false],
    [performed_regularly('paid', 2, 3), [{'event': 'paid', 'days_ago': 0, 'count': 9}], false],
    [performed_regularly('paid', 2, 3), [], false],
    [performed_regularly(['paid', 'asked'], 3, 3, unit='day'), [{'event': 'paid', 'days_ago': 0}, {'event': 'asked', 'days_ago': 1}, {'event': 'paid', 'days_ago': 2}], true],
    [performed_regularly(['paid', 'asked'], 3, 3, unit='day'), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 1}, {'event': 'paid', 'days_ago': 3}], false],
    [performed_regularly('paid', 2, 2, unit='month'), [{'event': 'paid', 'days_ago': 29}, {'event': 'paid', 'days_ago': 30}], true],
    [performed_regularly('paid', 2, 2, unit='month'), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 60}], false],
    [performed_regularly('paid', 2, 2, unit='month'), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 59}], true],
] %}
with answered as (
    {%- if execute %}
    {%- for rule, events, expected in cases %}
    {%- set definition = {
        'id': 'probe',
        'entity': 'customer',
        'conditions': {'the rule': rule},
        'columns_used': {'customer': [], 'account': []},
    } %}
    {{ example_query(definition, {'given': {}, 'events': events, 'member': expected}, loop.index) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {%- else %}
    select 1 as nothing
    {%- endif %}
)

select *
from answered
where actual is distinct from expected

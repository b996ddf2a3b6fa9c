-- The first ever lies in the window: an earlier one, however long ago, makes it false.
{%- set cases = [
    [first_time('paid', within=7), [{'event': 'paid', 'days_ago': 6}], true],
    [first_time('paid', within=7), [{'event': 'paid', 'days_ago': 7}], false],
    [first_time('paid', within=7), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 900}], false],
    [first_time('paid', within=7), [{'event': 'paid', 'days_ago': 6}, {'event': 'paid', 'days_ago': 0}], true],
    [first_time('paid', within=7), [{'event': 'asked', 'days_ago': 30}, {'event': 'paid', 'days_ago': 1}], true],
    [first_time('paid', within=7), [], false],
    [first_time(['paid', 'asked'], within=7), [{'event': 'asked', 'days_ago': 30}, {'event': 'paid', 'days_ago': 1}], false],
    [first_time(['paid', 'asked'], within=7), [{'event': 'asked', 'days_ago': 3}, {'event': 'paid', 'days_ago': 1}], true],
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

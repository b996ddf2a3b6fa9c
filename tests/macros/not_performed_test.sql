-- Nothing of the kind on any day of the window; other events do not count.
{%- set cases = [
    [not_performed('paid', within=7), [{'event': 'paid', 'days_ago': 6}], false],
    [not_performed('paid', within=7), [{'event': 'paid', 'days_ago': 7}], true],
    [not_performed('paid', within=7), [{'event': 'paid', 'days_ago': 0}], false],
    [not_performed('paid', within=7), [{'event': 'paid', 'days_ago': 7}, {'event': 'paid', 'days_ago': 6.99}], false],
    [not_performed('paid', within=7), [{'event': 'asked', 'days_ago': 0}], true],
    [not_performed('paid', within=7), [], true],
    [not_performed(['paid', 'asked']), [{'event': 'asked', 'days_ago': 900}], false],
    [not_performed(['paid', 'asked']), [{'event': 'left', 'days_ago': 0}], true],
    [not_performed("o'clock"), [{'event': 'o''clock', 'days_ago': 1}], true],
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

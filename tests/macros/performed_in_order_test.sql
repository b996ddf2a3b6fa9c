-- Each step later than the one before it, all in the window, whatever lies between them.
{%- set cases = [
    [performed_in_order(['a', 'b'], within=7), [{'event': 'a', 'days_ago': 6.9}, {'event': 'b', 'days_ago': 6.8}], true],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'a', 'days_ago': 3}, {'event': 'b', 'days_ago': 0}], true],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'a', 'days_ago': 7}, {'event': 'b', 'days_ago': 1}], false],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'a', 'days_ago': 6.99999}, {'event': 'b', 'days_ago': 1}], true],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'b', 'days_ago': 3}, {'event': 'a', 'days_ago': 2}], false],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'a', 'days_ago': 3}, {'event': 'b', 'days_ago': 3}], false],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'a', 'days_ago': 3}, {'event': 'b', 'days_ago': 2.99999}], true],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'a', 'days_ago': 3}, {'event': 'b', 'days_ago': -0.001}], false],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'b', 'days_ago': 5}, {'event': 'a', 'days_ago': 4}, {'event': 'x', 'days_ago': 3}, {'event': 'b', 'days_ago': 2}], true],
    [performed_in_order(['a', 'b'], within=7), [{'event': 'a', 'days_ago': 3}], false],
    [performed_in_order(['a', 'b'], within=7), [], false],
    [performed_in_order(['a', 'b', 'c']), [{'event': 'a', 'days_ago': 400}, {'event': 'b', 'days_ago': 300}, {'event': 'c', 'days_ago': 0}], true],
    [performed_in_order(['a', 'b', 'c']), [{'event': 'a', 'days_ago': 4}, {'event': 'c', 'days_ago': 3}, {'event': 'b', 'days_ago': 2}], false],
    [performed_in_order(['a', 'b', 'c']), [{'event': 'b', 'days_ago': 9}, {'event': 'a', 'days_ago': 4}, {'event': 'c', 'days_ago': 3}, {'event': 'b', 'days_ago': 2}, {'event': 'c', 'days_ago': 1}], true],
    [performed_in_order(['a', 'b', 'c']), [{'event': 'a', 'days_ago': 4}, {'event': 'b', 'days_ago': 3}, {'event': 'a', 'days_ago': 2}, {'event': 'c', 'days_ago': 1}], true],
    [performed_in_order(['a', 'b', 'c']), [{'event': 'a', 'days_ago': 4}, {'event': 'b', 'days_ago': 3}], false],
    [performed_in_order(['a', 'a', 'a']), [{'event': 'a', 'days_ago': 3}, {'event': 'a', 'days_ago': 2}, {'event': 'a', 'days_ago': 1}], true],
    [performed_in_order(['a', 'a', 'a']), [{'event': 'a', 'days_ago': 3}, {'event': 'a', 'days_ago': 2, 'count': 5}], false],
    [performed_in_order([['a', 'b'], 'c', ['a', 'b']]), [{'event': 'b', 'days_ago': 3}, {'event': 'c', 'days_ago': 2}, {'event': 'a', 'days_ago': 1}], true],
    [performed_in_order([['a', 'b'], 'c', ['a', 'b']]), [{'event': 'b', 'days_ago': 3}, {'event': 'a', 'days_ago': 2}, {'event': 'c', 'days_ago': 1}], false],
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

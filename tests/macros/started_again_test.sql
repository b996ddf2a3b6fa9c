-- A day of the window that comes after at least `pause` whole days without, and after a day with.
{%- set cases = [
    [started_again('paid', within=7, pause=30), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 31}], true],
    [started_again('paid', within=7, pause=30), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 30}], false],
    [started_again('paid', within=7, pause=30), [{'event': 'paid', 'days_ago': 6}, {'event': 'paid', 'days_ago': 37}], true],
    [started_again('paid', within=7, pause=30), [{'event': 'paid', 'days_ago': 7}, {'event': 'paid', 'days_ago': 90}], false],
    [started_again('paid', within=7, pause=30), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 3}, {'event': 'paid', 'days_ago': 40}], true],
    [started_again('paid', within=7, pause=30), [{'event': 'paid', 'days_ago': 0}, {'event': 'paid', 'days_ago': 20}, {'event': 'paid', 'days_ago': 90}], false],
    [started_again('paid', within=7, pause=30), [{'event': 'paid', 'days_ago': 3}], false],
    [started_again('paid', within=7, pause=30), [{'event': 'paid', 'days_ago': 3, 'count': 5}], false],
    [started_again('paid', within=7, pause=30), [], false],
    [started_again('paid', within=30, pause=7), [{'event': 'paid', 'days_ago': 29}, {'event': 'paid', 'days_ago': 28}, {'event': 'paid', 'days_ago': 20}], true],
    [started_again('paid', within=30, pause=7), [{'event': 'paid', 'days_ago': 29}, {'event': 'paid', 'days_ago': 28}, {'event': 'paid', 'days_ago': 21}], false],
    [started_again('paid', within=30, pause=7), [{'event': 'paid', 'days_ago': 35}, {'event': 'paid', 'days_ago': 28}, {'event': 'paid', 'days_ago': 21}, {'event': 'paid', 'days_ago': 14}, {'event': 'paid', 'days_ago': 7}, {'event': 'paid', 'days_ago': 0}], false],
    [started_again(['paid', 'asked'], within=7, pause=30), [{'event': 'paid', 'days_ago': 1}, {'event': 'asked', 'days_ago': 40}], true],
    [started_again(['paid', 'asked'], within=7, pause=30), [{'event': 'paid', 'days_ago': 1}, {'event': 'asked', 'days_ago': 10}, {'event': 'paid', 'days_ago': 90}], false],
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

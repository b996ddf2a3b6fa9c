-- Done before the last `within` days, at most `before` days before them, and not since.
{%- set cases = [
    [stopped_performing('paid', within=7, before=30), [{'event': 'paid', 'days_ago': 7}], true],
    [stopped_performing('paid', within=7, before=30), [{'event': 'paid', 'days_ago': 6}], false],
    [stopped_performing('paid', within=7, before=30), [{'event': 'paid', 'days_ago': 36}], true],
    [stopped_performing('paid', within=7, before=30), [{'event': 'paid', 'days_ago': 37}], false],
    [stopped_performing('paid', within=7, before=30), [{'event': 'paid', 'days_ago': 10}, {'event': 'paid', 'days_ago': 6.9}], false],
    [stopped_performing('paid', within=7, before=30), [{'event': 'paid', 'days_ago': 10}, {'event': 'asked', 'days_ago': 1}], true],
    [stopped_performing('paid', within=7, before=30), [{'event': 'paid', 'days_ago': 10}, {'event': 'paid', 'days_ago': 90}], true],
    [stopped_performing('paid', within=7, before=30), [], false],
    [stopped_performing(['paid', 'asked'], within=7, before=30), [{'event': 'paid', 'days_ago': 10}, {'event': 'asked', 'days_ago': 1}], false],
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

-- What an example may give beside columns: events, other rows, segments the row is in or
-- entered. They are read the same way in a segment of accounts.
{%- set others = [{'mrr': 10}, {'mrr': 20}, {'mrr': none}] %}
{%- set rules = {
    'activity': [performed('paid', at_least=2, within=7), [
        [{'events': [{'event': 'paid', 'days_ago': 6.5, 'count': 2}]}, true],
        [{'events': [{'event': 'paid', 'days_ago': 6.5}]}, false],
        [{}, false],
    ]],
    'members': [in_segment('vip'), [[{'in': ['vip']}, true], [{}, false]]],
    'no members': [not_in_segment('vip'), [[{'in': ['vip']}, false], [{}, true]]],
    'stays': [entered_within('vip', 7), [
        [{'entered': {'vip': 6.99}}, true], [{'entered': {'vip': 7}}, false], [{}, false],
    ]],
    'share': [top_share('a.mrr', 0.5), [
        [{'given_account': {'mrr': 20}, 'other_accounts': others}, true],
        [{'given_account': {'mrr': 15}, 'other_accounts': others}, true],
        [{'given_account': {'mrr': 9}, 'other_accounts': others}, false],
        [{'other_accounts': others}, false],
    ]],
    'own share': [top_share('a.mrr', 0.5), [
        [{'given': {'mrr': 15}, 'others': others}, true],
        [{'given': {'mrr': 9}, 'others': others}, false],
        [{'given': {}, 'others': others}, false],
    ]],
} %}
{%- set queries = [] %}
{%- if execute %}
{%- for name, (rule, examples) in rules.items() %}
{%- for entity in ('customer', 'account') if not (name == 'share' and entity == 'account' or name == 'own share' and entity == 'customer') %}
{%- set definition = {
    'id': name,
    'entity': entity,
    'conditions': {'the rule': rule},
    'columns_used': {'customer': [], 'account': ['mrr']},
} %}
{%- for parts, member in examples %}
{%- set example = {'given': {}, 'member': member} %}
{%- do example.update(parts) %}
{%- do queries.append(example_query(definition, example, loop.index)) %}
{%- endfor %}
{%- endfor %}
{%- endfor %}
{%- endif %}
with answered as (
    {{ queries | join('\n    union all\n    ') if queries else 'select 1 as nothing' }}
)

select *
from answered
where actual is distinct from expected

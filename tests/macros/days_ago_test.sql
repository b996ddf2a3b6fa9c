-- In an example, days_ago(n) is so many periods of 24 hours before the instant; what an
-- example does not give is null, and a rule over null does not hold.
{%- set definition = {
    'id': 'probe',
    'entity': 'customer',
    'conditions': {
        'signed up at least 14 days ago': days_since('c.signed_up_at') ~ ' >= 14',
        'is on the team plan': "c.plan = 'team'",
        'works at a large account': 'a.employee_count >= 500',
    },
    'columns_used': {'customer': ['signed_up_at', 'plan'], 'account': ['employee_count']},
} %}
{%- set large = {'employee_count': 500} %}
{%- set examples = [
    {'given': {'signed_up_at': days_ago(14), 'plan': 'team'}, 'given_account': large, 'member': true},
    {'given': {'signed_up_at': days_ago(13), 'plan': 'team'}, 'given_account': large, 'member': false},
    {'given': {'signed_up_at': days_ago(0), 'plan': 'team'}, 'given_account': large, 'member': false},
    {'given': {'signed_up_at': days_ago(-1), 'plan': 'team'}, 'given_account': large, 'member': false},
    {'given': {'signed_up_at': days_ago(14), 'plan': "te'am"}, 'given_account': large, 'member': false},
    {'given': {'signed_up_at': days_ago(14)}, 'given_account': large, 'member': false},
    {'given': {'plan': 'team'}, 'given_account': large, 'member': false},
    {'given': {'signed_up_at': days_ago(14), 'plan': 'team'}, 'member': false},
    {'given': {}, 'member': false},
] %}
with answered as (
    {%- if execute %}
    {%- for example in examples %}
    {{ example_query(definition, example, loop.index) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {%- else %}
    select 1 as nothing
    {%- endif %}
)

select *
from answered
where actual is distinct from expected

-- The share is rounded up to whole values, and who ties with the last of them is in.
{%- set probe = {'entity': 'customer'} %}
{%- set populations = {
    'ten': [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    'fifteen': [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    'thirty': range(30, 0, -1) | list,
    'ties': [9, 8, 8, 8, 5, 4, 3, 2, 1, 0],
    'all the same': [4, 4, 4],
    'one': [-7],
    'unknown ones do not count': [5, 4, 3, 2, 1, none, none, none, none, none],
    'all unknown': [none, none],
} %}
{%- set smallest_in = [
    ['ten', 0.1, 10], ['ten', 0.11, 9], ['ten', 0.5, 6], ['ten', 1, 1], ['ten', 0.0001, 10],
    ['fifteen', 0.1, 14], ['thirty', 0.1, 28], ['ties', 0.2, 8], ['ties', 0.1, 9], ['ties', 0.5, 5],
    ['all the same', 0.1, 4], ['one', 0.5, -7], ['unknown ones do not count', 0.2, 5],
    ['unknown ones do not count', 0.4, 4], ['all unknown', 0.5, 0],
] %}
with answered as (
    {%- for name, share, smallest in smallest_in %}
    {%- set rows = [] %}
    {%- for value in populations[name] %}
    {%- do rows.append('select cast(' ~ ('null' if value is none else value) ~ ' as decimal(18, 2)) as mrr') %}
    {%- endfor %}
    {%- set population = '(' ~ rows | join(' union all ') ~ ')' %}
    select
        '{{ name }}' as example,
        {{ share }} as share,
        c.mrr,
        c.mrr >= {{ smallest }} as expected,
        {{ resolve_markers(top_share('c.mrr', share), probe, relations={'customer_360': population}) }} as actual
    from {{ population }} as c
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select *
from answered
where actual is distinct from expected

-- Values of SciPy's norm.cdf, on either side of where the formula changes and in both tails.
{%- set cases = {
    '-40': '0',
    '-10': '7.61985302416047e-24',
    '-7.1': '6.237844463331586e-13',
    '-7.07106781186547': '7.687298972140452e-13',
    '-3': '0.0013498980316300933',
    '-1.959963984540054': '0.025',
    '-1': '0.15865525393145707',
    '0': '0.5',
    '0.5': '0.6914624612740131',
    '1.959963984540054': '0.975',
    '7': '0.9999999999987201',
    '40': '1',
} %}
with cases as (
    {%- for x, expected in cases.items() %}
    select
        {{ as_double(x) }} as x,
        {{ as_double(expected) }} as expected
    union all
    {%- endfor %}
    select
        {{ as_double('null') }} as x,
        {{ as_double('null') }} as expected
),

answered as (
    select
        x,
        expected,
        {{ normal_cdf('x') }} as actual
    from cases
)

select *
from answered
where
    (actual is null) <> (expected is null)
    or abs(actual - expected) > 0.00000000000001
    or x < 0 and x > -37 and abs(actual / expected - 1) > 0.00000001

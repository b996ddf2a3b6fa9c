-- Values of SciPy's chi2.sf.
{%- set cases = [
    ('0', 1, '1'),
    ('3.841458820694124', 1, '0.05'),
    ('10.8275661706627', 1, '0.001'),
    ('1000', 1, '1.7958327848007363e-219'),
    ('0', 2, '1'),
    ('5.991464547107979', 2, '0.05'),
    ('2', 3, '0.5724067044708798'),
    ('9.487729036781154', 4, '0.05'),
    ('20', 5, '0.0012497305630313773'),
    ('1', 6, '0.9856123220330293'),
    ('30', 7, '9.495972508134177e-05'),
    ('15.507313055865453', 8, '0.05'),
    ('16.918977604620448', 9, '0.05'),
    ('100', 9, '1.5735176303753876e-17'),
    ('100000', 9, '0'),
    ('100000', 2, '0'),
    ('1', 0, 'null'),
    ('1', 10, 'null'),
    ('-1', 1, 'null'),
    ('null', 1, 'null'),
] %}
with cases as (
    {%- for x, degrees, expected in cases %}
    select
        {{ as_double(x) }} as x,
        {{ degrees }} as degrees,
        {{ as_double(expected) }} as expected
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

answered as (
    select
        x,
        degrees,
        expected,
        {{ chi_square_p_value('x', 'degrees') }} as actual
    from cases
)

select *
from answered
where
    (actual is null) <> (expected is null)
    or abs(actual - expected) > 0.0000000000001
    or x <= 1000 and abs(actual - expected) > 0.00000001 * expected

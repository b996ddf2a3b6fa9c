-- Ties share the score of the last of them: ceil(5 * cume_dist()).
with cases as (
    {%- set distributions = {
        'ten values': {1: 1, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 5, 10: 5},
        'fewer than five values': {1: 2, 2: 4, 3: 5},
        'six values': {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 5},
        'a single value': {7: 5},
    } %}
    {%- for example, scores in distributions.items() %}
    {%- for value, score in scores.items() %}
    select
        '{{ example }}' as example,
        {{ value }} as given,
        {{ score }} as expected
    union all
    {%- endfor %}
    {%- endfor %}
    -- Three of five tie: 5 * 0.6 is a little more than 3 in binary, but the score is 3.
    select
        'a tie of three in five' as example,
        given,
        expected
    from (values (1, 3), (1, 3), (1, 3), (2, 4), (3, 5)) as tied (given, expected)
    union all
    select
        'all the same' as example,
        given,
        expected
    from (values (1, 5), (1, 5), (1, 5)) as tied (given, expected)
),

answered as (
    {%- for example in distributions.keys() | list + ['a tie of three in five', 'all the same'] %}
    select
        example,
        given,
        expected,
        {{ quintile('given') }} as actual
    from cases
    where example = '{{ example }}'
    union all
    {%- endfor %}
    select
        'the other way round' as example,
        given,
        6 - expected as expected,
        {{ quintile('given desc') }} as actual
    from cases
    where example = 'ten values'
)

select *
from answered
where actual is distinct from expected

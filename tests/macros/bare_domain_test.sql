-- One company is one domain, whichever system wrote it.
with cases as (
    select
        'a bare domain' as example,
        'acme.example' as given,
        'acme.example' as expected
    union all
    select
        'an address' as example,
        ' HTTPS://www.Acme.example/about?x=/y' as given,
        'acme.example' as expected
    union all
    select
        'a subdomain stays' as example,
        'http://shop.acme.example' as given,
        'shop.acme.example' as expected
    union all
    select
        'www within a name stays' as example,
        'awww.example' as given,
        'awww.example' as expected
    union all
    select
        'no domain' as example,
        cast(null as {{ dbt.type_string() }}) as given,
        cast(null as {{ dbt.type_string() }}) as expected
),

answered as (
    select
        example,
        expected,
        {{ bare_domain('given') }} as actual
    from cases
)

select *
from answered
where actual is distinct from expected

with customers as (
    select * from {{ ref('dim_customers') }}
),

job_titles as (
    select * from {{ ref('int_job_titles__classified') }}
),

age_bands as (
    {{ bands('age_bands', 'age_band') }}
),

-- Somebody is a year older from the birthday on; who was born on 29 February, in other
-- years from 1 March on.
aged as (
    select
        *,
        cast(
            extract(year from {{ as_of() }}) - extract(year from born_on)
            - case
                when
                    extract(month from {{ as_of() }}) * 100 + extract(day from {{ as_of() }})
                    < extract(month from born_on) * 100 + extract(day from born_on)
                    then 1
                else 0
            end
            as integer
        ) as age_years
    from customers
)

select
    aged.customer_id,
    age_bands.age_band,
    aged.gender,
    aged.marital_status,
    aged.education,
    aged.income_band,
    aged.job_title,
    job_titles.job_level,
    aged.language,
    aged.age_years,
    job_titles.is_decision_maker
from aged
left join age_bands
    on aged.age_years >= age_bands.lower_bound
    and (aged.age_years < age_bands.upper_bound or age_bands.upper_bound is null)
left join job_titles on aged.job_title = job_titles.job_title
where
    coalesce(
        cast(aged.born_on as {{ dbt.type_string() }}), aged.gender, aged.marital_status, aged.education,
        aged.income_band, aged.job_title, aged.language
    ) is not null

{{ config(materialized='view') }}

with customer_points as (
    {{ score_points('customer', ref('int_customers__score_inputs')) }}
),

account_points as (
    {{ score_points('account', ref('int_accounts__score_inputs')) }}
),

points as (
    select * from customer_points
    union all
    select * from account_points
)

{{ select_contract('points') }}

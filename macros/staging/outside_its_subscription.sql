{#- Whether an event names a subscription and lies outside its dates: before it started or
    after it ended. An event of no subscription, or of one that billing does not know, does not.
    Argument: event, alias of a relation with `subscription_id` and `occurred_at`. -#}
{% macro outside_its_subscription(event) -%}
    exists (
        select 1
        from {{ ref('stg_billing__subscriptions') }} as subscriptions
        where
            subscriptions.subscription_id = {{ event }}.subscription_id
            and (
                {{ event }}.occurred_at < subscriptions.started_at
                or {{ event }}.occurred_at > subscriptions.ended_at
            )
    )
{%- endmacro %}

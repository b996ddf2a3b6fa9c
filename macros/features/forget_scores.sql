{#- Pre-hook of int_scores: takes out the scores of entities that are gone, or whose inputs are
    others than those they were made from, and all of them where scores are made in another way. -#}
{% macro forget_scores() %}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where not exists (
            select 1
            from (
                select 'customer' as entity, customer_id as entity_id, inputs_digest
                from {{ ref('int_customers__score_inputs') }}
                union all
                select 'account' as entity, account_id as entity_id, inputs_digest
                from {{ ref('int_accounts__score_inputs') }}
            ) as inputs
            where
                inputs.entity = {{ this }}.entity
                and inputs.entity_id = {{ this }}.entity_id
                and inputs.inputs_digest = {{ this }}.inputs_digest
                and {{ this }}.made_from = '{{ scores_made_from() }}'
        )
    {%- endif -%}
{% endmacro %}

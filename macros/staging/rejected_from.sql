{#- The rows of one staging interface that `reject_rules` turns away, one row each
    with every reason; the arm of a union in operations.rejected_rows.
    Arguments: domain, entity. -#}
{% macro rejected_from(domain, entity) %}
    {%- set system = entity_system(domain, entity) -%}
    {%- set adapter_model = ref('stg_' ~ system ~ '__' ~ entity) -%}
    {%- set rates = ref('exchange_rates') -%}
    {%- if entity == 'subscription_changes' -%}
        {#- Its rules look at the dates of the subscription. -#}
        {%- do ref('stg_billing__subscriptions') -%}
    {%- endif -%}
    {%- if not execute -%}{{- return('select 1 as nothing') -}}{%- endif -%}
    {%- set interface = graph.nodes['model.strata.stg_' ~ domain ~ '__' ~ entity] -%}
    {%- set text = dbt.type_string() -%}
    {%- set whens = [] -%}
    {%- set reasons = [] -%}
    {%- set found_values = [] -%}
    {%- for rule in reject_rules(domain, entity) -%}
        {%- do whens.append('(' ~ rule.when ~ ')') -%}
        {%- do reasons.append("case when " ~ rule.when ~ " then '" ~ rule.reason ~ "' end") -%}
        {%- for column in rule.columns -%}
            {%- do found_values.append(
                "case when " ~ rule.when ~ " then '" ~ column ~ " = ' || coalesce(cast(adapted." ~ column
                ~ " as " ~ text ~ "), 'null') end"
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
select
    '{{ domain }}' as domain,
    '{{ entity }}' as entity,
    '{{ system }}' as source_system,
    cast(adapted.{{ interface.columns | first }} as {{ text }}) as row_key,
    concat_ws('; ', {{ reasons | join(', ') }}) as reason,
    concat_ws(', ', {{ found_values | join(', ') }}) as found,
    adapted.loaded_at
{{ _adapted_rows(domain, entity, adapter_model, rates, interface.columns, _adapter_columns(adapter_model, interface)) }}
where {{ whens | join(' or ') }}
{% endmacro %}


{#- Every interface that has a rule and a source, as (domain, entity); while the project is
    parsed every interface with a source, since any may have a rule. -#}
{% macro _interfaces_with_rules() %}
    {%- set interfaces = [] -%}
    {%- for domain, systems in staging_adapters().items() if source_system(domain) != 'none' -%}
        {%- for entity in systems.generic if not execute or reject_rules(domain, entity) -%}
            {%- do interfaces.append((domain, entity)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(interfaces) -}}
{% endmacro %}

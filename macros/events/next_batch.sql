{#- The number of the batch that this run adds to the model's table: one more than any
    that it ever held, a table about to be rebuilt or emptied included, so that whoever
    integrated the earlier ones sees that this one is new. -#}
{% macro next_batch() %}
    {%- set held = load_relation(this) if execute and model.resource_type != 'unit_test' else none -%}
    {%- if held and 'batch' in columns_of(held) | map(attribute='name') | map('lower') -%}
        {%- set last = run_query('select coalesce(max(batch), 0) as last_batch from ' ~ held) -%}
        {{- return(last.columns[0].values()[0] | int + 1) -}}
    {%- endif -%}
    {{- return(1) -}}
{% endmacro %}

{#- What the tests of a staging interface demand of a row, read from the tests themselves:

      key       the columns of its grain
      required  the columns that are never null
      accepted  the accepted values, by column

    A row that falls short is turned away by `reject_rules`, so that one bad row of a source
    stops nothing. A test that only warns lets rows pass. A column with the meta `derived` is
    made in the interface, whatever the source has. Empty for events, whose deliveries are told
    apart by what they say. Arguments: domain, entity. -#}
{% macro interface_demands(domain, entity) %}
    {%- set demands = {'key': [], 'required': [], 'accepted': {}} -%}
    {%- set interface = 'model.strata.stg_' ~ domain ~ '__' ~ entity -%}
    {%- for node in graph.nodes.values() if execute and domain != 'events'
            and node.resource_type == 'test' and node.attached_node == interface
            and node.config.severity | lower == 'error' -%}
        {%- set test = node.test_metadata.name -%}
        {%- set asked = node.test_metadata.kwargs -%}
        {%- if test == 'grain' -%}
            {%- do demands.key.extend(asked.columns) -%}
            {%- do demands.required.extend(asked.columns + asked.get('never_null', [])) -%}
        {%- elif test == 'never_null' -%}
            {%- do demands.required.extend(asked.columns) -%}
        {%- elif test == 'not_null' -%}
            {%- do demands.required.append(asked.column_name) -%}
        {%- elif test == 'accepted_values' -%}
            {%- do demands.accepted.update({asked.column_name: asked['values']}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set columns = graph.nodes[interface].columns if execute else {} -%}
    {%- set derived = [] -%}
    {%- for name, column in columns.items() if column.meta.derived -%}{%- do derived.append(name) -%}{%- endfor -%}
    {%- do demands.update({'required': demands.required | reject('in', derived) | unique | list}) -%}
    {{- return(demands) -}}
{% endmacro %}

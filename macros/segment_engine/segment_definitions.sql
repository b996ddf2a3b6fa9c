{#- Every segment of the project, by id, each checked. A segment is a macro
    `segment__<id>`; this is the only place that looks macros up by their names,
    so a new file in macros/segments/ is all that a new segment needs.

    A dozen models ask; while models run they are read once, and kept in dbt's `graph`, which
    all of an invocation share. What is returned is everybody's: change nothing in it. -#}
{% macro segment_definitions() %}
    {#- While parsing dbt notes who calls which macro; a unit test may have vars of its own. -#}
    {%- if not execute or model is defined and model.resource_type == 'unit_test' -%}
        {{- return(_read_segment_definitions()) -}}
    {%- endif -%}
    {#- A process may run dbt again, for another instant. -#}
    {%- set kept = graph.get('segment_definitions', {}) -%}
    {%- if kept.get('invocation_id') != invocation_id -%}
        {%- set kept = {'invocation_id': invocation_id, 'definitions': _read_segment_definitions()} -%}
        {%- do graph.update({'segment_definitions': kept}) -%}
    {%- endif -%}
    {{- return(kept.definitions) -}}
{% endmacro %}


{% macro _read_segment_definitions() %}
    {%- set definitions = {} -%}
    {%- for name in context.keys() | select('string') | sort if name.startswith('segment__') -%}
        {%- set id = name[9:] -%}
        {%- set path = context[name].macro.original_file_path -%}
        {%- set definition = context[name]() -%}
        {%- do check_segment(id, definition, path) -%}
        {%- set columns_used = {'customer': [], 'account': []} -%}
        {%- for sql in definition.conditions.values() -%}
            {%- for alias, column in modules.re.findall('\\b([ca])\\.([A-Za-z_][A-Za-z_0-9]*)', sql) -%}
                {%- set entity = 'customer' if alias == 'c' else 'account' -%}
                {%- if column not in columns_used[entity] -%}
                    {%- do columns_used[entity].append(column) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
        {#- The rule without the run's instant: a new hour is no new definition. -#}
        {%- set rule = {} -%}
        {%- for condition, sql in definition.conditions.items() -%}
            {%- do rule.update({condition: (sql | trim).replace(as_of() | trim, ':as_of')}) -%}
        {%- endfor -%}
        {%- set identity = [definition.entity, rule, definition.requires] -%}
        {%- if definition.priority_group is not none -%}
            {%- do identity.extend([definition.priority_group, definition.priority]) -%}
        {%- endif -%}
        {%- do definition.update({
            'id': id,
            'path': path,
            'rule': rule,
            'columns_used': columns_used,
            'names_only_columns': names_only_columns(definition),
            'definition_version': local_md5(tojson(identity, sort_keys=true))[:12],
        }) -%}
        {%- do check_segment_columns(definition) -%}
        {%- do check_review_date(definition) -%}
        {%- do definitions.update({id: definition}) -%}
    {%- endfor -%}
    {%- if not definitions -%}
        {%- do exceptions.raise_compiler_error("No segments: macros/segments/ has no macro named segment__<id>.") -%}
    {%- endif -%}
    {%- do check_priority_groups(definitions) -%}
    {%- do connect_segments(definitions) -%}
    {%- for id in evaluation_order(definitions) -%}
        {%- do definitions[id].update({'not_evaluated_reason': _not_evaluated_reason(definitions, definitions[id])}) -%}
    {%- endfor -%}
    {{- return(definitions) -}}
{% endmacro %}


{#- Segments that it refers to come before it, so that theirs is known. -#}
{% macro _not_evaluated_reason(definitions, definition) %}
    {%- set switched_off = [] -%}
    {%- for domain in definition.requires if source_system(domain) == 'none' -%}
        {%- do switched_off.append(domain) -%}
    {%- endfor -%}
    {%- if switched_off -%}
        {{- return('requires ' ~ switched_off | join(' and ') ~ ', switched off (none) in strata_sources') -}}
    {%- endif -%}
    {%- for other in definition.refers_to if definitions[other].not_evaluated_reason -%}
        {{- return('refers to ' ~ other ~ ', which ' ~ definitions[other].not_evaluated_reason) -}}
    {%- endfor -%}
    {{- return(none) -}}
{% endmacro %}

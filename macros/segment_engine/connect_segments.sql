{#- Checks what definitions say about each other and adds to each:

      refers_to: ids of the segments whose members it reads (in_segment, not_in_segment).
      references: the definitions of those and of the segments whose stays it reads, by id.
      read_by: ids of the segments that read its members.

    The version of a definition covers those of the segments it refers to: when one of them
    is redefined, this one means something else. Its rule is given the names of tables.

    Argument: definitions, by id. -#}
{% macro connect_segments(definitions) %}
    {%- for definition in definitions.values() -%}
        {%- do definition.update({'refers_to': segment_references(definition), 'references': {}, 'read_by': []}) -%}
        {%- do _check_references(definition, definitions) -%}
        {%- do _check_events(definition) -%}
    {%- endfor -%}
    {%- for definition in definitions.values() -%}
        {%- for id in definition.refers_to + segment_references(definition, history=true) -%}
            {%- do definition.references.update({id: definitions[id]}) -%}
        {%- endfor -%}
        {%- for id in definition.refers_to -%}{%- do definitions[id].read_by.append(definition.id) -%}{%- endfor -%}
    {%- endfor -%}
    {%- for id in evaluation_order(definitions) -%}
        {%- set definition = definitions[id] -%}
        {%- set versions = {} -%}
        {%- for other in definition.refers_to -%}
            {%- do versions.update({other: definitions[other].definition_version}) -%}
        {%- endfor -%}
        {%- if versions -%}
            {%- do definition.update({
                'definition_version': local_md5(tojson([definition.definition_version, versions], sort_keys=true))[:12],
            }) -%}
        {%- endif -%}
        {%- for condition, sql in definition.rule.items() -%}
            {%- do definition.rule.update({condition: resolve_markers(sql, definition, relations='names')}) -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}


{#- Segments named in conditions exist, and those named in examples are named in conditions. -#}
{% macro _check_references(definition, definitions) %}
    {%- set where = 'segment__' ~ definition.id ~ ' (' ~ definition.path ~ ') ' -%}
    {%- set read = {
        'in': definition.refers_to,
        'entered': segment_references(definition, history=true),
    } -%}
    {%- for ids in read.values() -%}
        {%- for id in ids if id not in definitions -%}
            {%- do exceptions.raise_compiler_error(
                where ~ "refers to the unknown segment '" ~ id ~ "'. The nearest: "
                ~ nearest_names(id, definitions) | join(', ') ~ '.'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for example in definition.examples -%}
        {%- for part, ids in read.items() -%}
            {%- for id in example.get(part, []) if id not in ids -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ "has an example with '" ~ part ~ "' naming the segment '" ~ id ~ "', which no condition asks for. "
                    ~ ('The conditions ask for: ' ~ ids | join(', ') ~ '.' if ids else 'The conditions ask for none.')
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}


{#- A rule over events requires them: without, everybody would count as idle. -#}
{% macro _check_events(definition) %}
    {%- set where = 'segment__' ~ definition.id ~ ' (' ~ definition.path ~ ') ' -%}
    {%- for name, sql in definition.conditions.items()
        if ('__daily_activity__' in sql or '__events__' in sql) and 'events' not in definition.requires -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "asks in the condition '" ~ name ~ "' what was done, and does not require events. "
            ~ "It takes requires=['events'], beside other domains it needs."
        ) -%}
    {%- endfor -%}
    {%- for example in definition.examples -%}
        {%- for event in example.get('events', []) -%}
            {%- if event is not mapping
                or event.event is not string
                or event.days_ago is not number
                or event.get('count', 1) is not integer
                or event | length > (3 if 'count' in event else 2) -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ 'has an example with the event ' ~ tojson(event)
                    ~ ". It takes {'event': name, 'days_ago': number} and, if it was done more than once, 'count': whole number."
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}

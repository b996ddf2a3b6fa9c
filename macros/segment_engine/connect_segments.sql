{#- Checks what definitions say about each other and adds to each:

      refers_to: ids of the segments whose members it reads (in_segment, not_in_segment).
      references: the definitions of those and of the segments whose stays it reads, by id.
      read_by: ids of the segments that read its members.
      position: its place in the order of evaluation, from 1: after all it depends on.

    The version of a definition covers those of the segments it refers to, and a segment
    that refers to one which is not evaluated is not evaluated either.

    Argument: definitions, by id. -#}
{% macro connect_segments(definitions) %}
    {%- for id, definition in definitions.items() -%}
        {%- do definition.update({
            'refers_to': segment_references(definition), 'references': {}, 'read_by': [], 'position': none,
        }) -%}
        {%- do _check_references(definition, definitions) -%}
        {%- do _check_events(definition) -%}
    {%- endfor -%}
    {%- for definition in definitions.values() -%}
        {%- for id in definition.refers_to + segment_references(definition, history=true) -%}
            {%- do definition.references.update({id: definitions[id]}) -%}
        {%- endfor -%}
        {%- for id in definition.refers_to -%}{%- do definitions[id].read_by.append(definition.id) -%}{%- endfor -%}
    {%- endfor -%}
    {%- for id in _evaluation_order(definitions) -%}
        {%- set definition = definitions[id] -%}
        {%- do definition.update({'position': loop.index}) -%}
        {%- set versions = {} -%}
        {%- for other in definition.refers_to -%}
            {%- do versions.update({other: definitions[other].definition_version}) -%}
            {%- if definitions[other].not_evaluated_reason and not definition.not_evaluated_reason -%}
                {%- do definition.update({
                    'not_evaluated_reason': 'refers to ' ~ other ~ ', which ' ~ definitions[other].not_evaluated_reason,
                }) -%}
            {%- endif -%}
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
    {%- set where = 'segment__' ~ definition.id ~ ' (macros/segments/*/' ~ definition.id ~ '.sql) ' -%}
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
    {%- set where = 'segment__' ~ definition.id ~ ' (macros/segments/*/' ~ definition.id ~ '.sql) ' -%}
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


{#- The ids, each after those it depends on: the segments it refers to, and in a priority
    group those that come before it. -#}
{% macro _evaluation_order(definitions) -%}
    {%- set waiting_for = {} -%}
    {%- for id, definition in definitions.items() -%}
        {%- set before = definition.refers_to | list -%}
        {%- for other in definitions.values()
            if definition.get('priority_group') and other.id != id
            and other.priority_group == definition.priority_group and other.priority < definition.priority -%}
            {%- do before.append(other.id) -%}
        {%- endfor -%}
        {%- do waiting_for.update({id: before}) -%}
    {%- endfor -%}
    {%- set order = [] -%}
    {%- for round in definitions if order | length < definitions | length -%}
        {%- set ready = [] -%}
        {%- for id, before in waiting_for.items() if id not in order and not before | reject('in', order) | list -%}
            {%- do ready.append(id) -%}
        {%- endfor -%}
        {%- do order.extend(ready) -%}
    {%- endfor -%}
    {%- set left = definitions | reject('in', order) | list -%}
    {%- if left -%}
        {%- set path = [left[0]] -%}
        {%- set walk = namespace(closed=false) -%}
        {%- for step in left if not walk.closed -%}
            {%- set next = waiting_for[path[-1]] | select('in', left) | first -%}
            {%- set walk.closed = next in path -%}
            {%- do path.append(next) -%}
        {%- endfor -%}
        {%- set cycle = path[path.index(path[-1]):] -%}
        {%- do exceptions.raise_compiler_error(
            'Segments depend on each other in a circle: ' ~ cycle | join(' -> ')
            ~ ' (each reads the members of the next, or ranks below it in a priority group). '
            ~ 'Take one of these references out of macros/segments/*/' ~ cycle[0] ~ '.sql or of the others.'
        ) -%}
    {%- endif -%}
    {{- return(order) -}}
{%- endmacro %}

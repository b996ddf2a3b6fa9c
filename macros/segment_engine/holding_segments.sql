{#- Which segments hold others while they are held themselves: a list of
      segment_id   the one that is held
      neighbour    the segment it depends on directly
      is_peer      whether the neighbour is of its priority group (else it refers to it)
      root         the segment at the end of the chain, whose own verdict decides
      through_peers  whether the chain passes through a priority group: then the root
                   matters only while it has published members
    Each root once per segment.

    Argument: definitions, all of them by id. -#}
{% macro holding_segments(definitions) %}
    {%- set found = [] -%}
    {%- for definition in definitions.values() -%}
        {%- set reached = [definition.id] -%}
        {%- set waiting = [{'at': definition, 'neighbour': none, 'is_peer': false, 'through_peers': false}] -%}
        {#- Breadth first; every segment is looked at once. -#}
        {%- for step in range(definitions | length) if waiting -%}
            {%- set here = waiting.pop(0) -%}
            {%- for other in definitions.values() if other.id not in reached -%}
                {%- set is_peer = here.at.priority_group is not none and other.priority_group == here.at.priority_group -%}
                {%- if is_peer or other.id in here.at.refers_to -%}
                    {%- set is_reference = other.id in here.at.refers_to -%}
                    {%- set edge = {
                        'segment_id': definition.id,
                        'root': other.id,
                        'at': other,
                        'neighbour': here.neighbour or other.id,
                        'is_peer': here.is_peer if here.neighbour else not is_reference,
                        'through_peers': here.through_peers or not is_reference,
                    } -%}
                    {%- do reached.append(other.id) -%}
                    {%- do waiting.append(edge) -%}
                    {%- do found.append(edge) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}

{#- How a model computes its rows, as text that changes when that does: its own text, the
    seeds it reads and some settings. An incremental table keeps it and is computed as a whole
    when it changes. Arguments: settings, names of project variables; text, SQL that macros make
    for it. -#}
{% macro made_from(settings, text='') -%}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {%- set parts = [model.get('raw_code', ''), text] -%}
    {%- for name in settings -%}
        {%- do parts.append(tojson(var(name, none) or {}, sort_keys=true)) -%}
    {%- endfor -%}
    {%- for id in (model.get('depends_on', {}).get('nodes', []) | sort)
        if id.startswith('seed.') and id in (graph.nodes if graph is defined else {}) -%}
        {%- do parts.append(graph.nodes[id].checksum.checksum) -%}
    {%- endfor -%}
    {{- return(local_md5(parts | join('|'))[:12]) -}}
{%- endmacro %}

{#- What the features of a customer about whom nothing happened depend on: the run's day
    (midnight belongs to two: `as_of_date` and `calendar_days_since`) and how the model
    computes them (its text, the seeds it reads and the settings of events). An incremental table of features keeps it
    in `computed_for` and is computed as a whole when it changes. -#}
{% macro computed_for() -%}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {%- set made_from = [model.get('raw_code', ''), tojson(var('events', none) or {}, sort_keys=true)] -%}
    {%- for id in (model.get('depends_on', {}).get('nodes', []) | sort)
        if id.startswith('seed.') and id in (graph.nodes if graph is defined else {}) -%}
        {%- do made_from.append(graph.nodes[id].checksum.checksum) -%}
    {%- endfor -%}
    {%- set day = as_of_text()[:10] ~ (' midnight' if as_of_text()[11:] == '00:00:00' else '') -%}
    {{- return(day ~ ' ' ~ local_md5(made_from | join('|'))[:12]) -}}
{%- endmacro %}

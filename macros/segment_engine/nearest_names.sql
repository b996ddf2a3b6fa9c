{#- The names most like a name that is not known, for a message: those that share most
    pairs of letters with it. Arguments: name, names, how_many. -#}
{% macro nearest_names(name, names, how_many=3) -%}
    {%- set scored = [] -%}
    {%- set pairs = _letter_pairs(name) -%}
    {%- for known in names -%}
        {%- set others = _letter_pairs(known) -%}
        {%- set shared = pairs | select('in', others) | list | length -%}
        {%- do scored.append([-2 * shared / (pairs | length + others | length), known]) -%}
    {%- endfor -%}
    {%- set nearest = [] -%}
    {%- for score, known in (scored | sort)[:how_many] -%}{%- do nearest.append(known) -%}{%- endfor -%}
    {{- return(nearest) -}}
{%- endmacro %}


{% macro _letter_pairs(name) -%}
    {%- set text = '^' ~ name ~ '$' -%}
    {%- set pairs = [] -%}
    {%- for i in range(text | length - 1) -%}{%- do pairs.append(text[i:i + 2]) -%}{%- endfor -%}
    {{- return(pairs | unique | list) -}}
{%- endmacro %}

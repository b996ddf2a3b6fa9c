{#- A company's domain as two systems can agree on it: lower case, without the protocol, a
    leading www and whatever follows the host. Argument: expression (SQL of a domain or an
    address). -#}
{% macro bare_domain(expression) -%}
    {%- set host = "split_part(replace(replace(lower(trim(" ~ expression ~ ")), 'https://', ''), 'http://', ''), '/', 1)" -%}
    case when {{ host }} like 'www.%' then substr({{ host }}, 5) else {{ host }} end
{%- endmacro %}

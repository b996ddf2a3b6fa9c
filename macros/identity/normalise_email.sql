{#- An e-mail as an identifier: trimmed and lower case; null when it cannot be an
    address at all. Dots and plus tags are kept, since they tell people apart at most
    providers, unless the settings `ignore_dots` (gmail.com and googlemail.com, which
    deliver without regard to them) and `ignore_plus_tags` (every domain) say otherwise. -#}
{% macro normalise_email(expression) -%}
    {%- set address = 'lower(trim(' ~ expression ~ '))' -%}
    {%- set local = "split_part(" ~ address ~ ", '@', 1)" -%}
    {%- set domain = "split_part(" ~ address ~ ", '@', 2)" -%}
    {%- set ignore_dots = identity_setting('ignore_dots') -%}
    {%- if identity_setting('ignore_plus_tags') -%}
        {#- A local part that begins with the plus is kept whole. -#}
        {%- set local = "coalesce(nullif(split_part(" ~ local ~ ", '+', 1), ''), " ~ local ~ ")" -%}
    {%- endif -%}
    {%- if ignore_dots -%}
        {%- set local = "case when " ~ domain ~ " in ('gmail.com', 'googlemail.com') then replace(" ~ local
            ~ ", '.', '') else " ~ local ~ " end" -%}
    {%- endif -%}
    {%- if ignore_dots or identity_setting('ignore_plus_tags') -%}
        {%- set address = local ~ " || '@' || " ~ domain -%}
    {%- endif -%}
    case when {{ expression }} like '%_@_%._%' then {{ address }} end
{%- endmacro %}

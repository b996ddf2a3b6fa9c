{#- Joins a row with each part of a list that it holds as text: `parts.part`, trimmed; a row
    whose list is null has no parts. Follows a table in a `from` clause.
    Arguments: expression (SQL, of that table), separator. -#}
{% macro each_part(expression, separator) -%}
    {{ return(adapter.dispatch('each_part', 'strata')(expression, separator)) }}
{%- endmacro %}


{% macro default__each_part(expression, separator) -%}
cross join lateral (
    select trim(split.item) as part
    from unnest(string_to_array({{ expression }}, '{{ separator }}')) as split (item)
    where trim(split.item) <> ''
) as parts
{%- endmacro %}


{% macro spark__each_part(expression, separator) -%}
cross join lateral (
    select trim(item) as part
    from explode(split({{ expression }}, '[{{ separator }}]')) as split (item)
    where trim(item) <> ''
) as parts
{%- endmacro %}

{#- A rule helper's argument that is a column of a 360, or a message that names the
    helper. Arguments: helper, column. -#}
{% macro checked_column(helper, column) -%}
    {%- if column is not string or not modules.re.match('^[ca]\\.[A-Za-z_][A-Za-z_0-9]*$', column) -%}
        {{- exceptions.raise_compiler_error(
            helper ~ "() is given the column " ~ tojson(column)
            ~ ". It takes one of customer_360, such as 'c.mrr', or of account_360, such as 'a.mrr'."
        ) -}}
    {%- endif -%}
    {{- return(column) -}}
{%- endmacro %}

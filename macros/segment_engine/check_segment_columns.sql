{#- The columns a rule or an example names must be in the contract of its 360.

    Argument: definition, one of segment_definitions() with its columns_used. -#}
{% macro check_segment_columns(definition) %}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {%- set where = 'segment__' ~ definition.id ~ ' (' ~ definition.path ~ ') ' -%}
    {%- if definition.entity == 'account' and definition.columns_used.customer -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'is a segment of accounts and names c.' ~ definition.columns_used.customer[0]
            ~ '. A segment of accounts may name account_360 (a) only.'
        ) -%}
    {%- endif -%}
    {#- Looked up as they are, for they are asked of every example of every segment. -#}
    {%- set contracts = {
        'customer': graph.nodes['model.strata.customer_360'].columns,
        'account': graph.nodes['model.strata.account_360'].columns,
    } -%}
    {%- for entity, columns in definition.columns_used.items() -%}
        {%- set known = contracts[entity].keys() | list -%}
        {%- for column in columns if column not in known -%}
            {%- do exceptions.raise_compiler_error(
                where ~ 'names ' ~ entity[0] ~ '.' ~ column ~ ', but ' ~ entity
                ~ '_360 has no such column. Nearest: ' ~ nearest_names(column, known) | join(', ')
                ~ '. Columns: ' ~ known | join(', ') ~ '.'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for sql in definition.expectations.values() -%}
        {%- for alias, column in modules.re.findall('\\b([ca])\\.([A-Za-z_][A-Za-z_0-9]*)', sql) -%}
            {%- set entity = 'customer' if alias == 'c' else 'account' -%}
            {%- if entity == 'customer' and definition.entity == 'account' or column not in contracts[entity] -%}
                {%- do exceptions.raise_compiler_error(
                    where ~ 'has an expectation that names ' ~ alias ~ '.' ~ column ~ ', but ' ~ (
                        'a segment of accounts may name account_360 (a) only.'
                        if entity == 'customer' and definition.entity == 'account'
                        else entity ~ '_360 has no such column. Nearest: '
                        ~ nearest_names(column, contracts[entity].keys()) | join(', ') ~ '.'
                    )
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for example in definition.examples -%}
        {%- set account, own = 'account', definition.entity -%}
        {%- for part, entity in {'given': own, 'given_account': account, 'others': own, 'other_accounts': account}.items() -%}
            {%- set rows = example.get(part, []) -%}
            {%- for row in ([rows] if rows is mapping else rows) -%}
                {%- for column in row if column not in contracts[entity] -%}
                    {%- do exceptions.raise_compiler_error(
                        where ~ 'has an example that gives ' ~ column ~ ', but ' ~ entity
                        ~ '_360 has no such column. Nearest: '
                        ~ nearest_names(column, contracts[entity].keys()) | join(', ')
                        ~ '. Columns: ' ~ contracts[entity].keys() | join(', ') ~ '.'
                    ) -%}
                {%- endfor -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}

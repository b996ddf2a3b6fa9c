{#- Every segment of the project, by id, each checked. A segment is a macro
    `segment__<id>`; this is the only place that looks macros up by their names,
    so a new file in macros/segments/ is all that a new segment needs. -#}
{% macro segment_definitions() %}
    {%- set definitions = {} -%}
    {%- for name in context.keys() | select('string') | sort if name.startswith('segment__') -%}
        {%- set id = name[9:] -%}
        {%- set definition = context[name]() -%}
        {%- do _check_definition(id, definition) -%}
        {%- set columns_used = {'customer': [], 'account': []} -%}
        {%- for sql in definition.conditions.values() -%}
            {%- for alias, column in modules.re.findall('\\b([ca])\\.([A-Za-z_][A-Za-z_0-9]*)', sql) -%}
                {%- set entity = 'customer' if alias == 'c' else 'account' -%}
                {%- if column not in columns_used[entity] -%}
                    {%- do columns_used[entity].append(column) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do _check_columns(id, definition, columns_used) -%}
        {%- set switched_off = [] -%}
        {%- for domain in definition.requires if source_system(domain) == 'none' -%}
            {%- do switched_off.append(domain) -%}
        {%- endfor -%}
        {#- The rule without the run's instant: a new hour is no new definition. -#}
        {%- set rule = {} -%}
        {%- for condition, sql in definition.conditions.items() -%}
            {%- do rule.update({condition: (sql | trim).replace(as_of() | trim, ':as_of')}) -%}
        {%- endfor -%}
        {%- do definition.update({
            'id': id,
            'rule': rule,
            'columns_used': columns_used,
            'definition_version': local_md5(
                tojson([definition.entity, rule, definition.requires], sort_keys=true)
            )[:12],
            'not_evaluated_reason': 'requires ' ~ switched_off | join(' and ') ~ ', switched off (none) in strata_sources'
                if switched_off else none,
        }) -%}
        {%- do definitions.update({id: definition}) -%}
    {%- endfor -%}
    {%- do connect_segments(definitions) -%}
    {%- if not definitions -%}
        {%- do exceptions.raise_compiler_error("No segments: macros/segments/ has no macro named segment__<id>.") -%}
    {%- endif -%}
    {{- return(definitions) -}}
{% endmacro %}


{% macro _check_definition(id, definition) %}
    {%- set where = 'segment__' ~ id ~ ' (macros/segments/*/' ~ id ~ '.sql) ' -%}
    {%- if definition is not mapping or 'conditions' not in definition -%}
        {%- do exceptions.raise_compiler_error(where ~ 'does not return a segment(...).') -%}
    {%- endif -%}
    {%- if definition.type not in segment_types() -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "has the type '" ~ definition.type ~ "'. Accepted: " ~ segment_types() | join(', ') ~ '.'
        ) -%}
    {%- endif -%}
    {%- if definition.entity not in ('customer', 'account') -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "has the entity '" ~ definition.entity ~ "'. Accepted: customer, account."
        ) -%}
    {%- endif -%}
    {%- if definition.conditions is not mapping or not definition.conditions -%}
        {%- do exceptions.raise_compiler_error(where ~ 'has no conditions. It takes at least one {name: SQL}.') -%}
    {%- endif -%}
    {%- for name, sql in definition.conditions.items() if not sql | string | trim -%}
        {%- do exceptions.raise_compiler_error(where ~ "has an empty condition '" ~ name ~ "'.") -%}
    {%- endfor -%}
    {%- for name, sql in definition.conditions.items() if (sql | string).count("'") % 2 == 1 -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "has an unclosed quote in the condition '" ~ name ~ "': " ~ sql | trim
        ) -%}
    {%- endfor -%}
    {%- for bound in ('min_size', 'max_share', 'max_change') if definition[bound] is not number -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "has the " ~ bound ~ " '" ~ definition[bound] ~ "'. It takes a number"
            ~ (', a whole one.' if bound == 'min_size' else ', a share such as 0.3.')
        ) -%}
    {%- endfor -%}
    {%- if definition.review_by is not none
        and not modules.re.match('^\\d{4}-\\d{2}-\\d{2}$', definition.review_by | string) -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "has the review_by '" ~ definition.review_by ~ "'. It takes a date such as 2027-06-30."
        ) -%}
    {%- endif -%}
    {%- for domain in definition.requires if domain not in staging_adapters() -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "requires the unknown domain '" ~ domain ~ "'. Domains: " ~ staging_adapters() | join(', ') ~ '.'
        ) -%}
    {%- endfor -%}
    {%- if not definition.owner -%}
        {%- do exceptions.raise_compiler_error(where ~ 'has no owner.') -%}
    {%- endif -%}
{% endmacro %}


{#- The columns a rule names must be in the contract of its 360. -#}
{% macro _check_columns(id, definition, columns_used) %}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {%- if definition.entity == 'account' and columns_used.customer -%}
        {%- do exceptions.raise_compiler_error(
            'segment__' ~ id ~ ' (macros/segments/*/' ~ id ~ '.sql) is a segment of accounts and names c.'
            ~ columns_used.customer[0] ~ '. A segment of accounts may name account_360 (a) only.'
        ) -%}
    {%- endif -%}
    {%- for entity, columns in columns_used.items() -%}
        {%- set known = contract_columns(entity).keys() | list -%}
        {%- for column in columns if column not in known -%}
            {%- do exceptions.raise_compiler_error(
                'segment__' ~ id ~ ' (macros/segments/*/' ~ id ~ '.sql) names ' ~ entity[0] ~ '.' ~ column ~ ', but '
                ~ entity ~ '_360 has no such column. Columns: ' ~ known | join(', ') ~ '.'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for example in definition.examples -%}
        {%- for part, entity in {'given': definition.entity, 'given_account': 'account'}.items() -%}
            {%- for column in example.get(part, {}) if column not in contract_columns(entity) -%}
                {%- do exceptions.raise_compiler_error(
                    'segment__' ~ id ~ ' (macros/segments/*/' ~ id ~ '.sql) has an example that gives ' ~ column ~ ', but '
                    ~ entity ~ '_360 has no such column. Columns: '
                    ~ contract_columns(entity).keys() | join(', ') ~ '.'
                ) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}

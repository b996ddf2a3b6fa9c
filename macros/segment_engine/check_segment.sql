{#- Checks what a segment's file says, whatever the project's data: stops at the first
    mistake with the file, what was found and what is accepted.

    Arguments: id; definition, as `segment()` returns it; path of its file. -#}
{% macro check_segment(id, definition, path) %}
    {%- set where = 'segment__' ~ id ~ ' (' ~ path ~ ') ' -%}
    {%- if not modules.re.match('^[a-z][a-z0-9_]*$', id) -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'has an id that is not of lower-case letters, digits and _, beginning with a letter.'
        ) -%}
    {%- endif -%}
    {%- if path.split('/')[-1] != id ~ '.sql' -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'is not in a file of its name. Accepted: ' ~ id ~ '.sql, or name the macro segment__'
            ~ path.split('/')[-1].replace('.sql', '') ~ '.'
        ) -%}
    {%- endif -%}
    {%- if definition is not mapping or 'unknown_arguments' not in definition -%}
        {%- do exceptions.raise_compiler_error(where ~ 'does not return a segment(...).') -%}
    {%- endif -%}
    {%- for argument in definition.unknown_arguments -%}
        {%- set accepted = definition.keys() | reject('equalto', 'unknown_arguments') | join(', ') -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "gives segment() the unknown argument '" ~ argument ~ "'. Accepted: " ~ accepted ~ '.'
        ) -%}
    {%- endfor -%}
    {%- do _check_texts(where, definition) -%}
    {%- do _check_conditions(where, definition.conditions) -%}
    {%- do _check_expectations(where, definition.expectations) -%}
    {%- do _check_requires(where, definition.requires) -%}
    {%- do _check_bounds(where, definition) -%}
    {%- do _check_review_by(where, definition.review_by) -%}
    {%- do _check_examples(where, definition) -%}
    {%- do _check_priority(where, definition) -%}
{% endmacro %}


{% macro _check_texts(where, definition) %}
    {%- for name in ('label', 'description', 'type', 'owner', 'entity', 'purpose') -%}
        {%- set value = definition[name] -%}
        {%- if value is undefined or value is none or value is string and not value | trim and name != 'purpose' -%}
            {%- do exceptions.raise_compiler_error(where ~ 'has no ' ~ name ~ '. It takes ' ~ {
                'label': 'the name that people read.',
                'description': 'one sentence that says who is in it.',
                'type': 'one of ' ~ segment_types() | join(', ') ~ '.',
                'owner': 'an e-mail address.',
                'entity': 'customer or account.',
                'purpose': 'a text; leave it out if there is none.',
            }[name]) -%}
        {%- elif value is not string -%}
            {%- do exceptions.raise_compiler_error(where ~ 'has the ' ~ name ~ ' ' ~ tojson(value) ~ '. It takes a text.') -%}
        {%- endif -%}
    {%- endfor -%}
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
    {%- if not modules.re.match('^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$', definition.owner) -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "has the owner '" ~ definition.owner ~ "'. It takes an e-mail address, such as growth@example.com."
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_conditions(where, conditions) %}
    {%- if conditions is not mapping or not conditions -%}
        {%- do exceptions.raise_compiler_error(where ~ 'has no conditions. It takes at least one {name: SQL}.') -%}
    {%- endif -%}
    {%- do _check_named_sql(where, 'condition', conditions) -%}
{% endmacro %}


{% macro _check_expectations(where, expectations) %}
    {%- if expectations is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'has the expectations ' ~ tojson(expectations) ~ '. It takes {name: SQL}, or leave it out.'
        ) -%}
    {%- endif -%}
    {%- do _check_named_sql(where, 'expectation', expectations) -%}
    {%- for name, sql in expectations.items() if '__' in sql or modules.re.search('\\bselect\\b', sql | lower) -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "has the expectation '" ~ name ~ "': " ~ sql | trim
            ~ '. It takes SQL over columns of the 360s only, no subquery and no segment.'
        ) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _check_named_sql(where, what, named) %}
    {%- for name, sql in named.items() -%}
        {%- if name is not string or not name | trim -%}
            {%- do exceptions.raise_compiler_error(
                where ~ 'names ' ~ ('an ' if what[0] == 'e' else 'a ') ~ what ~ ' ' ~ tojson(name)
                ~ '. The name is a text: what a person reads when asking why.'
            ) -%}
        {%- endif -%}
        {%- if sql is not string -%}
            {%- do exceptions.raise_compiler_error(
                where ~ "has the " ~ what ~ " '" ~ name ~ "': " ~ (tojson(sql) if sql is defined else 'nothing')
                ~ '. It takes SQL as a text.'
            ) -%}
        {%- endif -%}
        {%- if not sql | trim -%}
            {%- do exceptions.raise_compiler_error(where ~ "has an empty " ~ what ~ " '" ~ name ~ "'. It takes SQL.") -%}
        {%- endif -%}
        {%- if sql.count("'") % 2 == 1 -%}
            {%- do exceptions.raise_compiler_error(
                where ~ "has an unclosed quote in the " ~ what ~ " '" ~ name ~ "': " ~ sql | trim
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}


{% macro _check_requires(where, requires) %}
    {%- set domains = staging_adapters() | join(', ') -%}
    {%- if requires is string or requires is mapping or requires is not sequence -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'has requires ' ~ tojson(requires) ~ ". It takes a list such as ['billing']. Domains: " ~ domains ~ '.'
        ) -%}
    {%- endif -%}
    {%- for domain in requires if domain not in staging_adapters() -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "requires the unknown domain '" ~ domain ~ "'. Domains: " ~ domains ~ '.'
        ) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _check_bounds(where, definition) %}
    {%- if definition.min_size is not integer or definition.min_size < 0 -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'has the min_size ' ~ tojson(definition.min_size) ~ '. It takes a whole number from 0.'
        ) -%}
    {%- endif -%}
    {%- for bound in ('max_share', 'max_change') -%}
        {%- set value = definition[bound] -%}
        {%- if value is not integer and value is not float or value < 0 or value > 1 -%}
            {%- do exceptions.raise_compiler_error(
                where ~ 'has the ' ~ bound ~ ' ' ~ tojson(value) ~ '. It takes a share from 0 to 1, such as 0.3.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}


{% macro _check_review_by(where, review_by) %}
    {%- if review_by is none -%}{{- return('') -}}{%- endif -%}
    {%- set is_date = namespace(found=false) -%}
    {%- if review_by is string and modules.re.match('^\\d{4}-(0[1-9]|1[0-2])-\\d{2}$', review_by) and review_by[:4] != '0000' -%}
        {%- set first = modules.datetime.date(review_by[:4] | int, review_by[5:7] | int, 1) -%}
        {%- set day = first + modules.datetime.timedelta(days=review_by[8:] | int - 1) -%}
        {%- set is_date.found = day | string == review_by -%}
    {%- endif -%}
    {%- if not is_date.found -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'has the review_by ' ~ tojson(review_by) ~ ". It takes a date as text, such as '2027-06-30'."
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_examples(where, definition) %}
    {%- set accepted = ['given', 'given_account', 'others', 'other_accounts', 'events', 'in', 'entered', 'member'] -%}
    {%- if definition.examples is string or definition.examples is mapping or definition.examples is not sequence -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'has examples ' ~ tojson(definition.examples)
            ~ '. It takes a list of {given: {column: value}, member: true or false}.'
        ) -%}
    {%- endif -%}
    {%- for example in definition.examples -%}
        {%- set which = where ~ 'has an example (number ' ~ loop.index ~ ') ' -%}
        {%- if example is not mapping or example.member is not boolean or example.get('given', {}) is not mapping
            or example.get('given_account', {}) is not mapping -%}
            {%- do exceptions.raise_compiler_error(
                which ~ tojson(example) ~ '. It takes {given: {column: value}, member: true or false}.'
            ) -%}
        {%- endif -%}
        {%- for key in example if key not in accepted -%}
            {%- do exceptions.raise_compiler_error(
                which ~ "with the key '" ~ key ~ "'. Accepted: " ~ accepted | join(', ') ~ '.'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
{% endmacro %}


{% macro _check_priority(where, definition) %}
    {%- set group, priority = definition.priority_group, definition.priority -%}
    {%- if group is none and priority is none -%}{{- return('') -}}{%- endif -%}
    {%- if group is not string or not modules.re.match('^[a-z][a-z0-9_]*$', group) -%}
        {%- do exceptions.raise_compiler_error(
            where ~ 'has the priority_group ' ~ tojson(group)
            ~ '. It takes a name of lower-case letters, digits and _, beginning with a letter.'
        ) -%}
    {%- endif -%}
    {%- if priority is not integer or priority < 1 -%}
        {%- do exceptions.raise_compiler_error(
            where ~ "is in the priority group '" ~ group ~ "' with the priority " ~ tojson(priority)
            ~ '. It takes a whole number from 1, which wins.'
        ) -%}
    {%- endif -%}
{% endmacro %}

{#- Customer ids only go forward in time: an instant before the last one that identifiers
    were assigned at would have to rewrite what was decided since. The same instant may run
    again. Argument: assignments, the relation. -#}
{% macro refuse_earlier_assignments(assignments) %}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set last = run_query(
            "select max(case when valid_to > valid_from then valid_to else valid_from end) as last_as_of from "
            ~ assignments
        ).columns[0].values()[0] -%}
        {%- if last is not none and last | string > as_of_text() -%}
            {%- do exceptions.raise_compiler_error(
                "as_of is " ~ as_of_text() ~ ", but customer ids are already assigned as of " ~ last
                ~ ". A run takes that instant again or a later one; to look at the past use another database."
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

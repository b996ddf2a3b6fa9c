{#- Stops a run in which an audience names an experiment that there is not: nobody would be held
    out. The body of a test. -#}
{% macro refuse_unknown_experiments() -%}
    {%- set experiments = ref('experiments') -%}
    {%- if execute and flags.WHICH in ('build', 'test') -%}
        {%- set known = run_query('select experiment_id from ' ~ experiments).columns[0].values() -%}
        {%- for name, terms in audience_definitions().items()
            if terms.experiment_id is not none and terms.experiment_id not in known -%}
            {%- do exceptions.raise_compiler_error(
                name ~ " names the experiment '" ~ terms.experiment_id
                ~ "'. Experiments (seeds/reference/experiments.csv): " ~ (known | join(', ') or 'none') ~ '.'
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    select 1 as problem from (select 1 as nothing) as no_problem where 1 = 0
{%- endmacro %}

{#- Stops a run that has a wrong experiment in its seeds, with all that is wrong. The body of a
    test, which a run waits for: what depends on the seeds is not built. -#}
{% macro refuse_wrong_experiments() -%}
    {%- set experiments, arms = ref('experiments'), ref('experiment_arms') -%}
    {%- set with_events = [ref('product_features'), ref('onboarding_steps'), ref('fct_daily_activity')] -%}
    {%- if execute and flags.WHICH in ('build', 'test') -%}
        {%- set names = [] -%}
        {%- for relation in with_events if source_system('events') != 'none' -%}
            {%- do names.extend(run_query('select distinct event_name from ' ~ relation).columns[0].values()) -%}
        {%- endfor -%}
        {%- set problems = check_experiments(
            run_query('select * from ' ~ experiments).rows,
            run_query('select * from ' ~ arms).rows,
            none if source_system('events') == 'none' else names | unique(case_sensitive=true) | list,
        ) -%}
        {%- if problems -%}{%- do exceptions.raise_compiler_error(problems | join('\n')) -%}{%- endif -%}
    {%- endif -%}
    select 1 as problem from (select 1 as nothing) as no_problem where 1 = 0
{%- endmacro %}

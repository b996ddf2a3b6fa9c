{#- What every run checks before its first model: settings first, then that the
    demo does not overwrite anybody's data, then that the run does not go back
    behind what is published. One that is not a step of a refresh lets the next refresh
    build everything. Runs as `on-run-start`. -#}
{% macro start_run() %}
    {%- if execute and flags.WHICH in ('run', 'build', 'seed') -%}
        {%- for domain in staging_adapters() -%}
            {%- do source_system(domain) -%}
        {%- endfor -%}
        {%- do as_of_text() -%}
        {%- do claim_demo_schemas() -%}
        {%- if not var('run_id', none) -%}
            {%- do forget_source_cursors() -%}
        {%- endif -%}
        {%- if var('run_id', none) or 'model.strata.segment_verdicts' in selected_resources -%}
            {%- do refuse_earlier_instant() -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

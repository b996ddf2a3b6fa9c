{#- History only grows forward: an instant before the last published one would have
    to rewrite stays that were published since. The same instant may run again. -#}
{% macro refuse_earlier_instant() %}
    {%- set history = api.Relation.create(
        database=target.database, schema='segments', identifier='segment_verdicts', type='table'
    ) -%}
    {%- if load_relation(history) -%}
        {%- set last = run_query(
            "select max(as_of) as last_as_of from " ~ history ~ " where verdict = 'publish'"
        ).columns[0].values()[0] -%}
        {%- if last is not none and last | string > as_of_text() -%}
            {%- do exceptions.raise_compiler_error(
                "as_of is " ~ as_of_text() ~ ", but segments are already published as of " ~ last
                ~ ". A refresh takes that instant again or a later one; `strata backfill --into FILE` builds "
                ~ "the history of earlier ones in a file of its own. Where as_of stands in dbt_project.yml, null is now."
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

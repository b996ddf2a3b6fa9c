{#- Up to which batch of int_events__visitors the model's table counts everybody, and whether
    (1) or not (0) all of it is computed anew: because its rows were computed for something
    else, or because whose the actors are was itself. One row; a subquery.
    Argument: computed_for, the text that the table keeps under that name, if it does. -#}
{% macro integrated_visitors(computed_for=none) -%}
select
        coalesce(max(batch), 0) as batch,
        case
            when max(batch) < (select min(batch) from {{ ref('int_events__visitors') }}) then 1
            {%- if computed_for %}
            when max(case when computed_for <> '{{ computed_for }}' then 1 else 0 end) = 1 then 1
            {%- endif %}
            else 0
        end as is_outdated
    from {{ this }}
{%- endmacro %}

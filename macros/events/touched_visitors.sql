{#- The visitors (customers, and browsers of nobody known) whose rows an incremental table
    over what they did has to compute anew, each with its `batch`, which the table keeps:
    those that int_events__visitors counts as changed since the table's own last batch, and
    all of them if its rows were computed for something else (another day, another text of
    the model). The body of a CTE; all visitors in a full build.

    Argument: computed_for, the text that the table keeps under that name, if it does. -#}
{% macro touched_visitors(computed_for=none) -%}
select
    visitors.visitor,
    visitors.batch
from {{ ref('int_events__visitors') }} as visitors
{%- if is_incremental() %}
cross join (
    {{ integrated_visitors(computed_for) }}
) as known
where visitors.batch > known.batch or known.is_outdated = 1
{%- endif %}
{%- endmacro %}

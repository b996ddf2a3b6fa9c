{#- The bands of a seed with where each ends: the band's name, lower_bound (in it) and
    upper_bound (no longer in it; null for the last). The body of a CTE, joined by
    `value >= lower_bound and (value < upper_bound or upper_bound is null)`.

    Arguments: seed (its name; columns lower_bound and label), label (its column of names). -#}
{% macro bands(seed, label) -%}
select
    {{ label }},
    lower_bound,
    lead(lower_bound) over (order by lower_bound) as upper_bound
from {{ ref(seed) }}
{%- endmacro %}

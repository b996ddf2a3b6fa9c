{#- Fails for every row with a null in one of the columns. For a table that has no key of its
    own; where there is one, `grain` says both. -#}
{% test never_null(model, columns) %}
select *
from {{ model }}
where {% for column in columns %}{{ column }} is null{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}

{#- Fails for every combination of the columns that more than one of the rows has.
    Arguments: columns, rows (SQL condition). -#}
{% test at_most_one(model, columns, rows) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
where {{ rows }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

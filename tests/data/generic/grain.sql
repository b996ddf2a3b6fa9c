{#- One row per `columns`, which are never null but for those in `nullable`, and never a null
    in the columns `never_null` either: one scan of the table where a test per column would
    take as many. Fails for every key that occurs more than once or with a null, with the
    number of nulls in each column. -#}
{% test grain(model, columns, never_null=[], nullable=[]) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
    {%- for column in never_null %},
    count(*) - count({{ column }}) as {{ column }}_null_count
    {%- endfor %}
from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {%- for column in columns + never_null if column not in nullable %}
    or count(*) > count({{ column }})
    {%- endfor %}
{% endtest %}

{#- Deletes the stays of the model's table that a replay of their instant took back: they
    begin and end at once and were never in force. -#}
{% macro drop_empty_stays() %}
    delete from {{ this }} where valid_to = valid_from
{% endmacro %}

{#- Whether a customer, or anybody of an account, did something in at least `periods` of
    the last `of` periods. Periods follow each other backwards from as_of_date(): a day, a
    week of 7 days, a month of 30 days.

    Arguments: event, a name or a list of names, any of which counts; periods; of; unit,
    day, week or month. -#}
{% macro performed_regularly(event, periods, of, unit='week') -%}
    {%- set names = checked_events('performed_regularly', event) -%}
    {%- do checked_whole_number('performed_regularly', 'periods', periods) -%}
    {%- do checked_whole_number('performed_regularly', 'of', of) -%}
    {%- set unit_days = {'day': 1, 'week': 7, 'month': 30} -%}
    {%- if unit not in unit_days -%}
        {%- do exceptions.raise_compiler_error(
            "performed_regularly() is given the unit " ~ tojson(unit) ~ ". Accepted: " ~ unit_days | join(', ') ~ '.'
        ) -%}
    {%- endif -%}
    {%- if periods > of -%}
        {%- do exceptions.raise_compiler_error(
            "performed_regularly() is given " ~ periods ~ " periods of the last " ~ of
            ~ ". periods is a whole number from 1 to of."
        ) -%}
    {%- endif -%}
    __subject__ in (select __key__ from __daily_activity__ as activity where event_name in {{ event_names(names) }} and {{ activity_days(of * unit_days[unit]) }} group by __key__ having count(distinct floor(cast({{ as_of_date() }} - activity_on as integer) / {{ unit_days[unit] }}.0)) >= {{ periods }})
{%- endmacro %}

{#- What kind of questions a survey asks: its entry in the variable `qualtrics_surveys`, else
    what its template or its name says; null otherwise.
    Arguments: SQL of survey_id, project_type and survey_name. -#}
{% macro qualtrics_survey_kind(survey_id, project_type, survey_name) -%}
    {%- set words = {
        'nps': ['nps', 'net promoter'],
        'csat': ['csat', 'customer satisfaction'],
        'ces': ['customer effort'],
        'welcome': ['welcome'],
        'needs': ['needs'],
        'exit': ['exit', 'cancellation'],
    } -%}
    coalesce(
        {{ _qualtrics_setting(survey_id) }},
        case when lower({{ project_type }}) = 'customersatisfactionscore' then 'csat' end,
        case
            {%- for kind, names in words.items() %}
            {%- for name in names %}
            when ' ' || replace(replace(lower({{ survey_name }}), '-', ' '), '_', ' ') || ' ' like '% {{ name }} %'
                then '{{ kind }}'
            {%- endfor %}
            {%- endfor %}
        end
    )
{%- endmacro %}

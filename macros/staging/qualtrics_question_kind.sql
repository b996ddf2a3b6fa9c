{#- What kind of question an answer is to, by what is known of the question itself: its entry
    in the variable `qualtrics_surveys` (<survey id>.<question id>, else <question id>), or
    its type, if that is NPS; null otherwise.
    Arguments: SQL of survey_id, question_id and selector. -#}
{% macro qualtrics_question_kind(survey_id, question_id, selector) -%}
    coalesce(
        {{ _qualtrics_setting(survey_id ~ " || '.' || " ~ question_id) }},
        {{ _qualtrics_setting(question_id) }},
        case when upper({{ selector }}) = 'NPS' then 'nps' end
    )
{%- endmacro %}


{#- The kind that `qualtrics_surveys` gives to a survey or question. -#}
{% macro _qualtrics_setting(subject) -%}
    {%- set chosen = var('qualtrics_surveys', {}) -%}
    {%- set kinds = ['nps', 'csat', 'ces', 'welcome', 'needs', 'exit'] -%}
    {%- if chosen is not mapping -%}
        {%- do exceptions.raise_compiler_error(
            "qualtrics_surveys is '" ~ chosen ~ "'. It takes a kind per survey or question, such as "
            ~ "{SV_1a: csat, SV_1a.QID3: needs}."
        ) -%}
    {%- endif -%}
    {%- for name, kind in chosen.items() if kind not in kinds -%}
        {%- do exceptions.raise_compiler_error(
            "qualtrics_surveys calls " ~ name ~ " '" ~ kind ~ "'. Accepted: " ~ kinds | join(', ') ~ "."
        ) -%}
    {%- endfor -%}
    case
        {%- for name, kind in chosen.items() %}
        when {{ subject }} = {{ text_literal(name) }} then '{{ kind }}'
        {%- else %}
        when 1 = 0 then 'nps'
        {%- endfor %}
    end
{%- endmacro %}

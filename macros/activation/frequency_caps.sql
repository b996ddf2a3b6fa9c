{#- The project's frequency caps, checked: {channel: {contacts, days}}. -#}
{% macro frequency_caps() %}
    {%- set caps = var('frequency_caps', {}) or {} -%}
    {%- set channels = audience_channels() | reject('equalto', 'none') | list -%}
    {%- for channel, cap in caps.items() -%}
        {%- if channel not in channels -%}
            {%- do exceptions.raise_compiler_error(
                "The variable frequency_caps names the channel '" ~ channel ~ "'. Accepted: "
                ~ channels | join(', ') ~ '.'
            ) -%}
        {%- endif -%}
        {%- set found = cap if cap is mapping else {} -%}
        {%- if found.keys() | sort != ['contacts', 'days'] or found.contacts is not integer
            or found.days is not integer or found.contacts < 1 or found.days < 1 -%}
            {%- do exceptions.raise_compiler_error(
                'The variable frequency_caps says ' ~ cap ~ ' of ' ~ channel
                ~ '. Accepted: {contacts: 3, days: 7}, both whole numbers from 1.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(caps) -}}
{% endmacro %}

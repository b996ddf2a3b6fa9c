{#- Pre-hook of the incremental tables over events: takes out what comes from another
    system than the one that feeds events now and, where `since` names the column with a
    row's first event, what began after the instant. -#}
{% macro forget_events(since=none) %}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where source_system <> '{{ source_system('events') }}'
        {%- if since %} or {{ since }} > {{ as_of() }}{% endif %}
    {%- endif -%}
{% endmacro %}

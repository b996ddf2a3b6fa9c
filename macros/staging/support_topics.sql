{#- The ticket tags that name what a ticket is about, the more telling first: of
    several, the first in this list is the ticket's topic. Set the variable
    `support_topics` to the tags of your own help desk. -#}
{% macro support_topics() %}
    {{- return(var('support_topics', [
        'billing', 'bug', 'integration', 'data_import', 'how_to', 'feature_request',
    ])) -}}
{% endmacro %}

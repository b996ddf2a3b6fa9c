{#- The raw tables that seeds/demo provides, as (system, table). -#}
{% macro demo_tables() %}
    {%- set tables = {
        'hubspot': [
            'contact', 'company', 'deal', 'deal_pipeline_stage', 'deal_contact', 'deal_company',
            'email_subscription_change',
        ],
        'stripe': [
            'customer', 'product', 'price', 'plan', 'subscription_history', 'subscription_item', 'invoice',
            'invoice_line_item', 'charge', 'refund', 'credit_note',
        ],
        'segment': ['tracks', 'pages', 'identifies'],
        'zendesk': [
            'ticket', 'user', 'ticket_tag', 'ticket_field_history', 'ticket_comment', 'satisfaction_rating',
        ],
        'generic': ['survey_responses', 'enrichment', 'manual_overrides', 'suppressions'],
    } -%}
    {%- set pairs = [] -%}
    {%- for system in tables -%}
        {%- for table in tables[system] -%}
            {%- do pairs.append((system, table)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(pairs) -}}
{% endmacro %}

{#- Which systems can feed which domain, and the entities each one carries.
    An entity that the chosen system does not carry is read from the generic
    table if there is one (enrichment beside HubSpot, for example). Adding a
    system: its folder under models/staging/<domain>/ and its line here. -#}
{% macro staging_adapters() %}
    {{- return({
        'crm': {
            'hubspot': ['contacts', 'accounts', 'deals', 'consents', 'merges'],
            'generic': ['contacts', 'accounts', 'deals', 'consents', 'merges', 'enrichment', 'manual_overrides', 'suppressions'],
        },
        'billing': {
            'stripe': ['customers', 'subscriptions', 'subscription_changes', 'invoices', 'payments', 'refunds'],
            'generic': ['customers', 'subscriptions', 'subscription_changes', 'invoices', 'payments', 'refunds'],
        },
        'events': {'segment': ['events'], 'generic': ['events']},
        'support': {'zendesk': ['tickets'], 'generic': ['tickets']},
        'survey': {'qualtrics': ['responses'], 'generic': ['responses']},
    }) -}}
{% endmacro %}

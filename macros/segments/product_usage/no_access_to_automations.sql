{% macro segment__no_access_to_automations() %}
    {{- return(segment(
        label='Active without access to automations',
        description='Used the product in the last 28 days on a plan that does not include automations.',
        type='product_usage',
        owner='product@tallyworks.example',
        requires=['billing', 'events'],
        conditions={
            'the plan does not include automations': 'not ' ~ has_item('c.available_features', 'automations'),
            'active in the last 28 days': 'c.active_days_last_28 >= 1',
        },
        max_share=0.7,
        purpose='Announce automations as a reason to upgrade, never as news about their own plan',
        review_by='2027-06-30',
        examples=[
            {'given': {'available_features': 'invoicing,tasks', 'active_days_last_28': 1}, 'member': true},
            {'given': {'available_features': 'invoicing,tasks', 'active_days_last_28': 0}, 'member': false},
            {'given': {'available_features': 'api,automations,tasks', 'active_days_last_28': 1}, 'member': false},
            {'given': {'active_days_last_28': 1}, 'member': false},
        ],
    )) -}}
{% endmacro %}

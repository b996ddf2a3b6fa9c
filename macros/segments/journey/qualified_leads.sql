{% macro segment__qualified_leads() %}
    {{- return(segment(
        label='Qualified leads without an account',
        description='Marketing or sales qualified them, and they have not signed up.',
        type='journey',
        owner='sales@tallyworks.example',
        requires=['crm', 'events'],
        conditions={
            'is qualified by marketing or sales': "c.lifecycle_stage in ('marketing_qualified', 'sales_qualified')",
            'has not signed up': 'c.signed_up_at is null',
        },
        max_share=0.4,
        max_change=0.5,
        purpose='Invitation to a guided trial',
        review_by='2027-06-30',
        examples=[
            {'given': {'lifecycle_stage': 'marketing_qualified'}, 'member': true},
            {'given': {'lifecycle_stage': 'sales_qualified'}, 'member': true},
            {'given': {'lifecycle_stage': 'lead'}, 'member': false},
            {'given': {'lifecycle_stage': 'sales_qualified', 'signed_up_at': days_ago(1)}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}

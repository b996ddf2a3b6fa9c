{% macro segment__product_qualified_leads() %}
    {{- return(segment(
        label='Product-qualified leads',
        description='Do not pay, fit the ideal customer, and use the product as those who pay do.',
        type='health',
        owner='sales@tallyworks.example',
        requires=['crm', 'billing', 'events'],
        conditions={
            'is a product-qualified lead': 'c.is_product_qualified_lead',
        },
        max_share=0.2,
        purpose='Contact by sales within a day',
        review_by='2027-03-31',
        examples=[
            {'given': {'is_product_qualified_lead': true}, 'member': true},
            {'given': {'is_product_qualified_lead': false}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}

{% macro segment__european_payers() %}
    {{- return(segment(
        label='Paying customers in Europe',
        description='Pay for the product and live in a European country.',
        type='geographic',
        owner='marketing@tallyworks.example',
        requires=['crm', 'billing'],
        conditions={
            'lives in Europe': "c.world_region = 'europe'",
            'pays': 'c.mrr > 0',
        },
        max_share=0.6,
        purpose='Regional events, invoices in euros',
        review_by='2027-06-30',
        examples=[
            {'given': {'world_region': 'europe', 'mrr': 9}, 'member': true},
            {'given': {'world_region': 'europe', 'mrr': 0}, 'member': false},
            {'given': {'world_region': 'asia_pacific', 'mrr': 9}, 'member': false},
            {'given': {'mrr': 9}, 'member': false},
            {'given': {'world_region': 'europe'}, 'member': false},
        ],
    )) -}}
{% endmacro %}

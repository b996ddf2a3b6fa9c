{% macro segment__mobile_first() %}
    {{- return(segment(
        label='Mobile first',
        description='Used the product on a phone more than on anything else in the last 28 days.',
        type='technographic',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'a phone is the main device': "c.primary_device_last_28 = 'mobile'",
        },
        max_share=0.6,
        purpose='Mobile release notes, app review prompts',
        review_by='2027-06-30',
        examples=[
            {'given': {'primary_device_last_28': 'mobile'}, 'member': true},
            {'given': {'primary_device_last_28': 'desktop'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}

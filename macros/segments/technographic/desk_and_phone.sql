{% macro segment__desk_and_phone() %}
    {{- return(segment(
        label='At the desk and on the phone',
        description='Used the product on a computer and on a phone in the last 28 days.',
        type='technographic',
        owner='product@tallyworks.example',
        requires=['events'],
        conditions={
            'used a computer': 'c.has_used_desktop_last_28',
            'used a phone': 'c.has_used_mobile_last_28',
        },
        max_share=0.4,
        purpose='News about working on two devices; testers of syncing',
        review_by='2027-06-30',
        examples=[
            {'given': {'has_used_desktop_last_28': true, 'has_used_mobile_last_28': true}, 'member': true},
            {'given': {'has_used_desktop_last_28': true, 'has_used_mobile_last_28': false}, 'member': false},
            {'given': {'has_used_desktop_last_28': false, 'has_used_mobile_last_28': true}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}

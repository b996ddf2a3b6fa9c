{% macro segment__asia_pacific_hours() %}
    {{- return(segment(
        label='Working hours of Asia and the Pacific',
        description='Have signed up and live in a time zone five to twelve hours ahead of UTC.',
        type='geographic',
        owner='support@tallyworks.example',
        requires=['crm', 'events'],
        conditions={
            'is 5 to 12 hours ahead of UTC': 'c.utc_offset_hours between 5 and 12',
            'has signed up': 'c.signed_up_at is not null',
        },
        max_share=0.5,
        max_change=0.3,
        purpose='Send times, webinars and maintenance windows that suit them',
        review_by='2027-09-30',
        examples=[
            {'given': {'utc_offset_hours': 5, 'signed_up_at': days_ago(1)}, 'member': true},
            {'given': {'utc_offset_hours': 12, 'signed_up_at': days_ago(1)}, 'member': true},
            {'given': {'utc_offset_hours': 4.75, 'signed_up_at': days_ago(1)}, 'member': false},
            {'given': {'utc_offset_hours': 12.75, 'signed_up_at': days_ago(1)}, 'member': false},
            {'given': {'utc_offset_hours': 9}, 'member': false},
            {'given': {'signed_up_at': days_ago(1)}, 'member': false},
        ],
    )) -}}
{% endmacro %}

{% macro segment__warm_weather_regions() %}
    {{- return(segment(
        label='Users in warm-weather regions',
        description='Have signed up and live where it is warm all year.',
        type='geographic',
        owner='marketing@tallyworks.example',
        requires=['crm', 'events'],
        conditions={
            'lives in a warm region': "c.climate_zone = 'warm'",
            'has signed up': 'c.signed_up_at is not null',
        },
        max_share=0.5,
        max_change=0.3,
        purpose='Campaigns that leave winter out, and events outdoors',
        review_by='2027-09-30',
        examples=[
            {'given': {'climate_zone': 'warm', 'signed_up_at': days_ago(1)}, 'member': true},
            {'given': {'climate_zone': 'temperate', 'signed_up_at': days_ago(1)}, 'member': false},
            {'given': {'climate_zone': 'warm'}, 'member': false},
            {'given': {'signed_up_at': days_ago(1)}, 'member': false},
        ],
    )) -}}
{% endmacro %}

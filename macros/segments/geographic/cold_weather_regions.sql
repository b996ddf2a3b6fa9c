{% macro segment__cold_weather_regions() %}
    {{- return(segment(
        label='Users in cold-weather regions',
        description='Have signed up and live in a country, state or province that is heated for half of the year.',
        type='geographic',
        owner='marketing@tallyworks.example',
        requires=['crm', 'events'],
        conditions={
            'lives in a cold region': "c.climate_zone = 'cold'",
            'has signed up': 'c.signed_up_at is not null',
        },
        max_share=0.5,
        max_change=0.3,
        purpose='Winter campaigns: planning ahead, snow days, heating-season offers of partners',
        review_by='2027-09-30',
        examples=[
            {'given': {'climate_zone': 'cold', 'signed_up_at': days_ago(1)}, 'member': true},
            {'given': {'climate_zone': 'temperate', 'signed_up_at': days_ago(1)}, 'member': false},
            {'given': {'climate_zone': 'cold'}, 'member': false},
            {'given': {'signed_up_at': days_ago(1)}, 'member': false},
        ],
    )) -}}
{% endmacro %}

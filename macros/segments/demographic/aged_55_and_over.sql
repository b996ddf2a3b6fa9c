{% macro segment__aged_55_and_over() %}
    {{- return(segment(
        label='Aged 55 and over',
        description='At least 55 years old, as far as a date of birth is known.',
        type='demographic',
        owner='product@tallyworks.example',
        requires=['crm'],
        conditions={
            'is at least 55 years old': 'c.age_years >= 55',
        },
        max_share=0.4,
        max_change=0.3,
        purpose='Interviews about legibility and help by phone',
        review_by='2027-09-30',
        examples=[
            {'given': {'age_years': 55}, 'member': true},
            {'given': {'age_years': 54}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}

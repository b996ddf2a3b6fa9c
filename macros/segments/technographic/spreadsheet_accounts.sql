{% macro segment__spreadsheet_accounts() %}
    {{- return(segment(
        label='Still on spreadsheets',
        description='Companies known to use spreadsheets and no accounting suite.',
        type='technographic',
        entity='account',
        owner='sales@tallyworks.example',
        requires=['crm'],
        conditions={
            'uses spreadsheets': has_item('a.tech_stack', 'spreadsheets'),
            'uses no accounting suite': 'not ' ~ has_item('a.tech_stack', 'accounting_suite'),
        },
        max_share=0.5,
        max_change=0.4,
        purpose='Import guides and the comparison with a spreadsheet',
        review_by='2027-09-30',
        examples=[
            {'given': {'tech_stack': 'spreadsheets'}, 'member': true},
            {'given': {'tech_stack': 'chat_and_boards,spreadsheets'}, 'member': true},
            {'given': {'tech_stack': 'accounting_suite,spreadsheets'}, 'member': false},
            {'given': {'tech_stack': 'chat_and_boards'}, 'member': false},
            {'given': {}, 'member': false},
        ],
    )) -}}
{% endmacro %}

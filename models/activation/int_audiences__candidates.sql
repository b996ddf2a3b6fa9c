with members as (
    select * from {{ ref('segment_membership') }}
),

customers as (
    select * from {{ ref('customer_360') }}
),

accounts as (
    select * from {{ ref('account_360') }}
),

{#- A segment of accounts contacts the accounts' people. -#}
candidates as (
    {%- for name, terms in audience_definitions().items() %}
    {%- set of_account = segment_definitions()[terms.segment_id].entity == 'account' %}
    select
        '{{ name }}' as audience_name,
        '{{ terms.segment_id }}' as segment_id,
        '{{ terms.entity }}' as entity,
        '{{ terms.channel }}' as channel,
        {{ text_literal(terms.experiment_id) }} as experiment_id,
        {{ 'true' if terms.is_capped and terms.channel != 'none' and terms.syncs else 'false' }} as is_capped,
        {{ 'cast(null as integer)' if terms.limit is none else terms.limit }} as limit_to,
        {{ 'c.customer_id' if of_account and terms.entity == 'customer' else 'members.entity_id' }} as entity_key,
        members.entered_at,
        {{ 'a.account_id' if terms.entity == 'account' else 'c.customer_id' }} is not null as is_known,
        ({{ terms.identifier_sql }}) is not null as has_identifier,
        row_number() over (
            order by {{ terms.rank_by ~ ', ' if terms.rank_by }}members.entity_id asc
            {{- ', c.customer_id asc' if of_account and terms.entity == 'customer' }}
        ) as position
    from members
    {%- if terms.entity == 'account' %}
    left join accounts as a on members.entity_id = a.account_id
    {%- elif of_account %}
    inner join accounts as a on members.entity_id = a.account_id
    inner join customers as c on a.account_id = c.account_id
    {%- else %}
    left join customers as c on members.entity_id = c.customer_id
    left join accounts as a on c.account_id = a.account_id
    {%- endif %}
    where members.segment_id = '{{ terms.segment_id }}'
    {{ 'union all' if not loop.last }}
    {%- else %}
    {{ no_rows({
        'audience_name': {'data_type': 'string'},
        'segment_id': {'data_type': 'string'},
        'entity': {'data_type': 'string'},
        'channel': {'data_type': 'string'},
        'experiment_id': {'data_type': 'string'},
        'is_capped': {'data_type': 'boolean'},
        'limit_to': {'data_type': 'integer'},
        'entity_key': {'data_type': 'string'},
        'entered_at': {'data_type': 'timestamp'},
        'is_known': {'data_type': 'boolean'},
        'has_identifier': {'data_type': 'boolean'},
        'position': {'data_type': 'bigint'},
    }) }}
    {%- endfor %}
)

select * from candidates

{#- The body of an `audience_<name>` model: the published members of a segment who may be told to
    a destination, with the columns it needs. Who is left out, and why, is in audience_exclusions.

    Arguments:
      segment: id of the segment. One of accounts gives an audience of the accounts' people, or of
        the accounts themselves with entity='account'.
      channel: consent that a member must have granted: email, sms, push, ads or phone; 'none' for
        lists of colleagues and systems, over which nobody is contacted.
      columns: {name at the destination: SQL over customer_360 as c, the customer's account_360 as
        a, and m.rank, m.arm, m.entered_at of the membership}.
      identifier: the column a destination knows members by; members without it are left out.
        'entity_key' where the key is what it knows.
      entity: 'customer', or 'account' for an audience of accounts over no channel.
      experiment: id in the seed experiments whose arms members are divided into.
      is_capped: false leaves the channel's frequency cap aside, for what a customer asked for.
      rank_by: SQL to order members by, such as 'c.mrr desc'; gives m.rank, from 1.
      limit: only so many, the first by rank.

    Columns: entity_key, payload_hash (changes when any column does), then `columns`. -#}
{% macro audience(
    segment, channel, columns, identifier, entity='customer', experiment=none, is_capped=true, rank_by=none, limit=none
) -%}
    {%- do _check_audience(segment, channel, columns, identifier, entity, experiment, rank_by, limit) -%}
    {#- What the models of audiences, syncs and their audit are told of it. -#}
    {{- config(meta={'audience': {
        'segment_id': segment,
        'channel': channel,
        'identifier': identifier,
        'identifier_sql': columns.get(identifier, 'c.customer_id' if entity == 'customer' else 'a.account_id'),
        'entity': entity,
        'experiment_id': experiment,
        'is_capped': is_capped,
        'rank_by': rank_by,
        'rank_column': columns.items() | selectattr(1, 'equalto', 'm.rank') | map(attribute=0) | first | default(none),
        'limit': limit,
    }}) -}}

{{ _check_contract(['entity_key', 'payload_hash'] + columns.keys() | list) }}
with members as (
    select
        entity_key,
        rank_in_audience as rank,
        arm,
        entered_at
    from {{ ref('audience_members') }}
    where audience_name = '{{ model.name }}' and reason is null
),

customers as (
    select * from {{ ref('customer_360') }}
),

accounts as (
    select * from {{ ref('account_360') }}
),

payload as (
    select
        m.entity_key,
        {%- for name, sql in columns.items() %}
        {{ sql }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from members as m
    {%- if entity == 'customer' %}
    inner join customers as c on m.entity_key = c.customer_id
    left join accounts as a on c.account_id = a.account_id
    {%- else %}
    inner join accounts as a on m.entity_key = a.account_id
    {%- endif %}
),

hashed as (
    select
        *,
        md5(
            {%- for name in columns %}
            coalesce(replace(cast({{ name }} as {{ dbt.type_string() }}), '|', '||'), '|-') || '|,'
            {{- ' ||' if not loop.last }}
            {%- endfor %}
        ) as payload_hash
    from payload
)

{{ select_contract('hashed') }}
{%- endmacro %}


{#- What is said of the first column that its 360 does not have; nothing if they all are there. -#}
{% macro _unknown_columns(expressions) -%}
    {%- set said = [] -%}
    {%- for sql in expressions if execute -%}
        {%- for alias, column in modules.re.findall('\\b([ca])\\.([A-Za-z_][A-Za-z_0-9]*)', sql) -%}
            {%- set entity = 'customer' if alias == 'c' else 'account' -%}
            {%- set known = contract_columns(entity) -%}
            {%- if column not in known -%}
                {%- do said.append(
                    alias ~ '.' ~ column ~ ', but ' ~ entity ~ '_360 has no such column. Nearest: '
                    ~ nearest_names(column, known) | join(', ') ~ '. Columns: ' ~ known | join(', ') ~ '.'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(said[0] if said else '') -}}
{%- endmacro %}


{#- The columns of the model's YAML must be those of its SQL, or one of them is lost. -#}
{% macro _check_contract(wanted) -%}
    {%- set declared = model.columns.keys() | list -%}
    {%- if execute and model.resource_type == 'model' and declared | sort != wanted | sort -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ ' makes the columns ' ~ wanted | join(', ') ~ '; its YAML declares '
            ~ (declared | join(', ') or 'none') ~ '. They must be the same, each with its data_type.'
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro _check_audience(segment, channel, columns, identifier, entity, experiment, rank_by, limit) %}
    {%- set channels = audience_channels() -%}
    {%- set known = segment_definitions() -%}
    {%- set wrong -%}
        {%- if channel not in channels -%}
            names the channel '{{ channel }}'. Accepted: {{ channels | join(', ') }}.
        {%- elif identifier not in columns and identifier != 'entity_key' -%}
            names the identifier '{{ identifier }}', which is not among its columns: {{ columns | join(', ') }}. Or 'entity_key'.
        {%- elif segment not in known -%}
            is of the segment '{{ segment }}'. Segments: {{ known | join(', ') }}.
        {%- elif _unknown_columns(columns.values() | list + [rank_by or '']) -%}
            names {{ _unknown_columns(columns.values() | list + [rank_by or '']) }}
        {%- elif entity not in ['customer', 'account'] -%}
            is of the entity '{{ entity }}'. Accepted: customer, account.
        {%- elif entity == 'account' and (channel != 'none' or known[segment].entity != 'account') -%}
            is of accounts, which takes a segment of accounts and the channel 'none': over a channel it is people who are
            contacted. Found the segment '{{ segment }}' of {{ known[segment].entity }}s and the channel '{{ channel }}'.
        {%- elif limit is not none and (limit is not integer or limit < 1 or rank_by is none) -%}
            has the limit {{ limit }}. Accepted: a whole number from 1, with a rank_by that says who comes first.
        {%- elif experiment is not none and (entity != 'customer' or channel == 'none') -%}
            has the experiment '{{ experiment }}', which takes an audience of customers over a channel.
        {%- endif -%}
    {%- endset -%}
    {%- if wrong -%}
        {%- do exceptions.raise_compiler_error(model.name ~ ' ' ~ wrong) -%}
    {%- endif -%}
{% endmacro %}

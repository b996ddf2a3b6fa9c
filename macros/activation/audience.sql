{#- The body of an `audience_<name>` model: the published members of a segment of
    customers who allow the channel, with the columns a destination needs.

    Arguments:
      segment: id of the segment.
      channel: consent that a member must have granted: email, sms, push, ads or phone.
      columns: {name at the destination: SQL over customer_360 as c}.
      identifier: the column a destination knows people by; members without it are left out.

    Columns: entity_key (the customer), payload_hash (changes when any column does),
    then `columns`. -#}
{% macro audience(segment, channel, columns, identifier) -%}
    {#- What a sync and its audit are told of it. -#}
    {{- config(meta={'audience': {'segment_id': segment, 'channel': channel, 'identifier': identifier}}) -}}
    {%- set channels = ['email', 'sms', 'push', 'ads', 'phone'] -%}
    {%- if channel not in channels -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ " names the channel '" ~ channel ~ "'. Accepted: " ~ channels | join(', ') ~ '.'
        ) -%}
    {%- endif -%}
    {%- if identifier not in columns -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ " names the identifier '" ~ identifier ~ "', which is not among its columns: "
            ~ columns | join(', ') ~ '.'
        ) -%}
    {%- endif -%}
    {%- set definition = segment_definitions().get(segment) -%}
    {%- if definition is none or definition.entity != 'customer' -%}
        {%- set known = segment_definitions().values() | selectattr('entity', 'equalto', 'customer') | map(attribute='id') -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ " is of the segment '" ~ segment ~ "'. Segments of customers: " ~ known | join(', ') ~ '.'
        ) -%}
    {%- endif -%}

with members as (
    select * from {{ ref('segment_membership') }}
    where segment_id = '{{ segment }}'
),

customers as (
    select * from {{ ref('customer_360') }}
),

consents as (
    select * from {{ ref('consent_current') }}
    where channel = '{{ channel }}' and status = 'granted'
),

payload as (
    select
        members.entity_id as entity_key,
        {%- for name, sql in columns.items() %}
        {{ sql }} as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from members
    inner join customers as c on members.entity_id = c.customer_id
    inner join consents on members.entity_id = consents.customer_id
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
    where {{ identifier }} is not null
)

{{ select_contract('hashed') }}
{%- endmacro %}

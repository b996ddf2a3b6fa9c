{#- A rule helper writes a marker where its SQL depends on where the rule is evaluated;
    this puts in what the marker stands for:

      __subject__            the row's key: c.customer_id, a.account_id
      __key__                the column of that key in the next two relations
      __daily_activity__     what was done: activity_on, event_name, event_count
      __events__             single events with their time: event_name, occurred_at
      __customer_360__, __account_360__   all rows, for a share of them
      __members_of:<id>__    entity_id of the members of another segment by this evaluation
      __stays_of:<id>__      entity_id and valid_from of its published stays

    What a customer does, its account does; members of a segment of the other entity are
    read as the people of the accounts, or the accounts of the people.

    Arguments: sql; definition, of the segment; example, one of its examples, whose events,
    others, in and entered are the relations then; relations, relations to use instead, by
    marker without underscores, or 'names' for the names people know them by. -#}
{% macro resolve_markers(sql, definition, example=none, relations={}) -%}
    {%- if '__' not in sql -%}{{- return(sql) -}}{%- endif -%}
    {%- set key = definition.entity ~ '_id' -%}
    {%- set subject = text_literal('example') if example is not none else definition.entity[0] ~ '.' ~ key -%}
    {%- set resolved = namespace(sql=sql.replace('__subject__', subject).replace('__key__', key)) -%}
    {%- for marker in modules.re.findall(
        '__(daily_activity|events|customer_360|account_360|(?:members|stays)_of:\\w+)__(?!\\w)', resolved.sql
    ) | unique -%}
        {%- set kind, _, id = marker.partition(':') -%}
        {%- if marker in relations and relations is mapping -%}
            {%- set relation = relations[marker] -%}
        {%- elif example is not none -%}
            {%- set relation = _example_relation(kind, id, definition, example) -%}
        {%- else -%}
            {%- set relation = _warehouse_relation(kind, id, definition, relations) -%}
        {%- endif -%}
        {%- if id and example is none -%}
            {%- set entity = definition.get('references', {}).get(id, definition).entity -%}
            {%- set relation = _read_as(relation, kind, entity, definition.entity, relations) -%}
        {%- endif -%}
        {%- set resolved.sql = resolved.sql.replace('__' ~ marker ~ '__', relation | string | trim) -%}
    {%- endfor -%}
    {{- return(resolved.sql) -}}
{%- endmacro %}


{#- A table of the schema customer_360, for the run or for people. -#}
{% macro _table(name, relations) -%}
    {%- if relations == 'names' -%}{{- return('customer_360.' ~ name) -}}{%- endif -%}
    {{- return(relations[name] if name in relations else ref(name)) -}}
{%- endmacro %}


{% macro _warehouse_relation(kind, id, definition, relations) -%}
    {%- if kind in ('customer_360', 'account_360') -%}
        {{ _table(kind, relations) }}
    {%- elif kind in ('daily_activity', 'events') -%}
        {%- set columns = _event_columns()[kind] -%}
        {%- set table = _table({'daily_activity': 'fct_daily_activity', 'events': 'fct_customer_events'}[kind], relations) -%}
        {%- if definition.entity == 'customer' -%}
            {{ table }}
        {%- else -%}
            (select people.account_id, done.{{ columns | join(', done.') }} from {{ table }} as done inner join {{ _table('customer_360', relations) }} as people on done.customer_id = people.customer_id where people.account_id is not null)
        {%- endif -%}
    {%- elif kind == 'members_of' and relations == 'names' -%}
        (select entity_id from segments.segment_candidates where segment_id = '{{ id }}')
    {%- elif kind == 'members_of' -%}
        ({{ evaluate_segment(definition.references[id], relations) | trim }})
    {%- else -%}
        (select entity_id, valid_from from {{ 'segments.segment_membership_history' if relations == 'names' else published_history() }} as history where segment_id = '{{ id }}' and (valid_to is null or valid_to > valid_from))
    {%- endif -%}
{%- endmacro %}


{#- Members or stays of one entity as those of the other. -#}
{% macro _read_as(relation, kind, entity, as_entity, relations) -%}
    {%- if entity == as_entity -%}
        {{ relation }}
    {%- else -%}
        (select people.{{ as_entity }}_id as entity_id{{ ', other.valid_from' if kind == 'stays_of' }} from {{ relation | string | trim }} as other inner join {{ _table('customer_360', relations) }} as people on other.entity_id = people.{{ entity }}_id where people.{{ as_entity }}_id is not null)
    {%- endif -%}
{%- endmacro %}


{% macro _event_columns() -%}
    {{- return({
        'daily_activity': ['activity_on', 'event_name', 'event_count'],
        'events': ['event_name', 'occurred_at'],
    }) -}}
{%- endmacro %}


{#- In an example, what happened so many days ago lies on the day so many before the last,
    whatever hour the instant is, so that the answer is the same at each. -#}
{% macro _example_relation(kind, id, definition, example) -%}
    {%- set key = definition.entity ~ '_id' -%}
    {%- set rows = [] -%}
    {%- if kind in ('daily_activity', 'events') -%}
        {%- for event in example.get('events', []) -%}
            {%- do rows.append({
                key: text_literal('example'),
                'event_name': text_literal(event.event),
                'activity_on': as_of_date() ~ ' - ' ~ event.days_ago | round(method='floor') | int,
                'event_count': event.get('count', 1),
                'occurred_at': _days_before(event.days_ago),
            }) -%}
        {%- endfor -%}
        {%- set empty = {
            key: 'cast(null as ' ~ dbt.type_string() ~ ')', 'event_name': 'cast(null as ' ~ dbt.type_string() ~ ')',
            'activity_on': 'cast(null as date)', 'event_count': 'cast(null as bigint)', 'occurred_at': 'cast(null as timestamp)',
        } -%}
        {{ _rows_of([key] + _event_columns()[kind], rows, empty) }}
    {%- elif kind in ('customer_360', 'account_360') -%}
        {%- set entity = kind[:-4] -%}
        {%- set is_own = entity == definition.entity -%}
        {%- set types = contract_columns(entity) -%}
        {%- set given = [example.get('given', {}) if is_own else example.get('given_account', {})]
            + example.get('others' if is_own else 'other_accounts', []) -%}
        {%- for values in given -%}
            {%- set row = {} -%}
            {%- for column in definition.columns_used[entity] -%}
                {%- do row.update({column: _example_value(values.get(column), types[column])}) -%}
            {%- endfor -%}
            {%- do rows.append(row) -%}
        {%- endfor -%}
        {{ _rows_of(definition.columns_used[entity], rows, {}) }}
    {%- else -%}
        {%- set empty = {'entity_id': 'cast(null as ' ~ dbt.type_string() ~ ')', 'valid_from': 'cast(null as timestamp)'} -%}
        {%- set columns = ['entity_id', 'valid_from'] if kind == 'stays_of' else ['entity_id'] -%}
        {%- if kind == 'members_of' and id in example.get('in', []) -%}
            {%- do rows.append({'entity_id': text_literal('example')}) -%}
        {%- elif kind == 'stays_of' and id in example.get('entered', {}) -%}
            {%- do rows.append({'entity_id': text_literal('example'), 'valid_from': _days_before(example.entered[id])}) -%}
        {%- endif -%}
        {{ _rows_of(columns, rows, empty) }}
    {%- endif -%}
{%- endmacro %}


{#- So many days of 24 hours, or parts of them, before the instant. -#}
{% macro _days_before(days) -%}
    {{ as_of() }} - interval '{{ (days * 86400) | round | int }}' second
{%- endmacro %}


{#- A subquery of literal rows; of none, with the types of `empty`. -#}
{% macro _rows_of(columns, rows, empty) -%}
    (
    {%- for row in rows or [empty] -%}
        select {% for column in columns %}{{ row[column] }} as {{ column }}{{ ', ' if not loop.last }}{% endfor %}
        {{- ' union all ' if not loop.last }}
    {%- endfor %}
    {{- ' from (select 1 as nothing) as absent where 1 = 0' if not rows }})
{%- endmacro %}

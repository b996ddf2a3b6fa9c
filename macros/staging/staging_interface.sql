{#- The body of a staging interface: the adapter of the chosen system, cast to
    the columns and types that the interface's YAML declares.

    Column meta:
      as_of: row           rows later than the run's instant are dropped
      as_of: value         a value later than it is null (an invoice not yet paid)
      money: converted     the adapter's amount in the reporting currency
      original_of: amount  the same amount, unconverted
      letters: lower       a code: trimmed and in lower case
      derived: true        never null, though the source's may be: `derived` makes it
    A column the adapter lacks is a typed null; one that the interface does not
    know is an error. Rows that `reject_rules` turns away are left out; they are in
    operations.rejected_rows. Of equal rows one counts.

    Arguments: domain, entity; derived (column: SQL over `adapted` that takes the
    place of the adapter's value, for what depends on a later milestone); joined
    (SQL joins onto `adapted` that `derived` needs). -#}
{% macro staging_interface(domain, entity, derived={}, joined='') %}
    {%- set system = entity_system(domain, entity) -%}
    {%- if system == 'none' -%}
        {%- if not execute -%}{{- return('select 1 as nothing') -}}{%- endif -%}
        {{- return(no_rows(model.columns)) -}}
    {%- endif -%}
    {%- set adapter_model = ref('stg_' ~ system ~ '__' ~ entity) -%}
    {%- set rates = ref('exchange_rates') -%}
    {%- if not execute -%}{{- return('select * from ' ~ adapter_model) -}}{%- endif -%}

    {%- set found = _adapter_columns(adapter_model, model) -%}
    {%- set lines = [] -%}
    {%- set conditions = ['adapted.copy_number = 1'] if interface_demands(domain, entity).key else [] -%}
    {%- for name, column in model.columns.items() -%}
        {%- set meta = column.meta -%}
        {%- set type = api.Column.translate_type(column.data_type) -%}
        {%- set origin = meta.get('original_of', name) -%}
        {%- set value = derived.get(origin, 'adapted.' ~ origin) -%}
        {%- if name == 'source_system' -%}
            {%- set value = "'" ~ system ~ "'" -%}
        {%- elif meta.get('money') == 'converted' -%}
            {%- set value -%}
                case
                    when adapted.currency = '{{ reporting_currency() }}' then {{ value }}
                    else ({{ value }}) * rates.factor
                end
            {%- endset -%}
        {%- elif meta.get('as_of') == 'value' -%}
            {%- set value = 'case when ' ~ value ~ ' <= ' ~ as_of() ~ ' then ' ~ value ~ ' end' -%}
        {%- endif -%}
        {%- do lines.append('cast(' ~ value ~ ' as ' ~ type ~ ') as ' ~ name) -%}
    {%- endfor -%}
    {%- for rule in reject_rules(domain, entity) if not rule.keeps_row -%}
        {%- do conditions.append('coalesce(not (' ~ rule.when ~ '), true)') -%}
    {%- endfor -%}

select
    {{ lines | join(',\n    ') }}
{{ _adapted_rows(domain, entity, adapter_model, rates, model.columns, found) }}
{%- if joined %}
{{ joined }}
{%- endif %}
{%- if conditions %}
where {{ conditions | join('\n    and ') }}
{%- endif %}
{%- endmacro %}


{#- `from` an adapter as `adapted`: every column of the interface in its type, codes in
    lower case, as of the run's instant, and `rates` beside it where the interface holds money.
    Rows of one key are numbered as `copy_number`, the one loaded last first, and so are those
    that differ as `version`. -#}
{% macro _adapted_rows(domain, entity, adapter_model, rates, columns, found) %}
    {%- set key = interface_demands(domain, entity).key -%}
    {%- set adapted = [] -%}
    {%- set names = [] -%}
    {%- set conditions = [] -%}
    {%- set money = [] -%}
    {%- for name, column in columns.items() -%}
        {%- if column.meta.get('money') == 'converted' -%}{%- do money.append(name) -%}{%- endif -%}
        {%- if name != 'source_system' and 'original_of' not in column.meta -%}
            {%- set given = 'given.' ~ name if name in found else 'null' -%}
            {%- if column.meta.get('letters') == 'lower' -%}
                {%- set given = 'lower(trim(' ~ given ~ '))' -%}
            {%- elif name == 'currency' -%}
                {%- set given = "coalesce(upper(trim(" ~ given ~ ")), '" ~ reporting_currency() ~ "')" -%}
            {%- endif -%}
            {%- do adapted.append(
                'cast(' ~ given ~ ' as ' ~ api.Column.translate_type(column.data_type) ~ ') as ' ~ name
            ) -%}
            {%- do names.append(name) if name != 'loaded_at' -%}
            {%- if column.meta.get('as_of') == 'row' and name in found -%}
                {%- do conditions.append('(typed.' ~ name ~ ' <= ' ~ as_of() ~ ' or typed.' ~ name ~ ' is null)') -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set rows_of_key -%}
        partition by typed.{{ key | join(', typed.') }}
        order by typed.loaded_at desc nulls last
        {%- for name in names if name not in key %}, typed.{{ name }} asc nulls last{% endfor %}
    {%- endset %}
from (
    select
        typed.*
        {%- if key %},
        row_number() over ({{ rows_of_key }}) as copy_number,
        rank() over ({{ rows_of_key }}) as version
        {%- endif %}
    from (
        select
            {{ adapted | join(',\n            ') }}
        from {{ adapter_model }} as given
    ) as typed
    {%- if conditions %}
    where {{ conditions | join(' and ') }}
    {%- endif %}
) as adapted
{%- if money %}
left join (
    {#- The rate is rounded before it is multiplied, so that every engine
        multiplies decimals and rounds the cent in the same direction. #}
    select
        from_rates.currency,
        cast(from_rates.usd_per_unit / to_rates.usd_per_unit as decimal(18, 9)) as factor
    from {{ rates }} as from_rates
    inner join {{ rates }} as to_rates on to_rates.currency = '{{ reporting_currency() }}'
) as rates on adapted.currency = rates.currency
{%- endif %}
{%- endmacro %}


{#- The names of an adapter's columns, all of which its interface must know. An
    adapter that is not built yet (docs, compile) counts as complete. -#}
{% macro _adapter_columns(adapter_model, interface) %}
    {%- set columns = interface.columns -%}
    {%- set existing = load_relation(adapter_model) -%}
    {%- if not existing -%}
        {{- return(columns.keys() | list) -}}
    {%- endif -%}
    {%- set found = columns_of(existing) | map(attribute='name') | map('lower') | list -%}
    {%- set unknown = found | reject('in', columns) | list -%}
    {%- if unknown -%}
        {%- do exceptions.raise_compiler_error(
            "The adapter " ~ adapter_model.identifier ~ " has the column " ~ unknown | join(', ')
            ~ ", which the interface " ~ interface.name ~ " does not know. Columns of the interface: "
            ~ columns | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {{- return(found) -}}
{% endmacro %}

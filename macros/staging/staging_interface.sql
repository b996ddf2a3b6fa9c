{#- The body of a staging interface: the adapter of the chosen system, cast to
    the columns and types that the interface's YAML declares.

    Column meta:
      as_of: row           rows later than the run's instant are dropped
      as_of: value         a value later than it is null (an invoice not yet paid)
      money: converted     the adapter's amount in the reporting currency
      original_of: amount  the same amount, unconverted
      letters: lower       a code: trimmed and in lower case
    A column the adapter lacks is a typed null; one that the interface does not
    know is an error.

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

    {%- set found = _adapter_columns(adapter_model, model.columns) -%}
    {%- set reporting_currency = var('reporting_currency', 'USD') | upper -%}
    {%- set adapted = [] -%}
    {%- set lines = [] -%}
    {%- set conditions = [] -%}
    {%- set uses_rates = [] -%}
    {%- for name, column in model.columns.items() -%}
        {%- set meta = column.meta -%}
        {%- set type = api.Column.translate_type(column.data_type) -%}
        {%- if name != 'source_system' and 'original_of' not in meta -%}
            {%- set given = 'given.' ~ name if name in found else 'null' -%}
            {%- if meta.get('letters') == 'lower' -%}
                {%- set given = 'lower(trim(' ~ given ~ '))' -%}
            {%- elif name == 'currency' -%}
                {%- set given = "coalesce(upper(trim(" ~ given ~ ")), '" ~ reporting_currency ~ "')" -%}
            {%- endif -%}
            {%- do adapted.append('cast(' ~ given ~ ' as ' ~ type ~ ') as ' ~ name) -%}
        {%- endif -%}

        {%- set origin = meta.get('original_of', name) -%}
        {%- set value = derived.get(origin, 'adapted.' ~ origin) -%}
        {%- if name == 'source_system' -%}
            {%- set value = "'" ~ system ~ "'" -%}
        {%- elif meta.get('money') == 'converted' -%}
            {%- do uses_rates.append(name) -%}
            {#- The rate is rounded before it is multiplied, so that every engine
                multiplies decimals and rounds the cent in the same direction. -#}
            {%- set value -%}
                case
                    when adapted.currency = '{{ reporting_currency }}' then {{ value }}
                    else ({{ value }}) * cast(rates.usd_per_unit / reporting.usd_per_unit as decimal(18, 9))
                end
            {%- endset -%}
        {%- elif meta.get('as_of') == 'value' -%}
            {%- set value = 'case when ' ~ value ~ ' <= ' ~ as_of() ~ ' then ' ~ value ~ ' end' -%}
        {%- endif -%}
        {%- do lines.append('cast(' ~ value ~ ' as ' ~ type ~ ') as ' ~ name) -%}
        {%- if meta.get('as_of') == 'row' and name in found -%}
            {%- do conditions.append('(adapted.' ~ name ~ ' <= ' ~ as_of() ~ ' or adapted.' ~ name ~ ' is null)') -%}
        {%- endif -%}
    {%- endfor -%}

select
    {{ lines | join(',\n    ') }}
from (
    select
        {{ adapted | join(',\n        ') }}
    from {{ adapter_model }} as given
) as adapted
{%- if joined %}
{{ joined }}
{%- endif %}
{%- if uses_rates %}
left join {{ rates }} as rates on adapted.currency = rates.currency
left join {{ rates }} as reporting on reporting.currency = '{{ reporting_currency }}'
{%- endif %}
{%- if conditions %}
where {{ conditions | join('\n    and ') }}
{%- endif %}
{%- endmacro %}


{#- The names of an adapter's columns, all of which its interface must know. An
    adapter that is not built yet (docs, compile) counts as complete. -#}
{% macro _adapter_columns(adapter_model, columns) %}
    {%- set existing = load_relation(adapter_model) -%}
    {%- if not existing -%}
        {{- return(columns.keys() | list) -}}
    {%- endif -%}
    {%- set found = adapter.get_columns_in_relation(existing) | map(attribute='name') | map('lower') | list -%}
    {%- set unknown = found | reject('in', columns) | list -%}
    {%- if unknown -%}
        {%- do exceptions.raise_compiler_error(
            "The adapter " ~ adapter_model.identifier ~ " has the column " ~ unknown | join(', ')
            ~ ", which the interface " ~ model.name ~ " does not know. Columns of the interface: "
            ~ columns | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {{- return(found) -}}
{% endmacro %}

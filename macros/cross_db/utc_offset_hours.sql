{#- Hours by which a time zone is ahead of UTC at the instant, daylight saving time
    included; null for null. Argument: zone (SQL of an IANA name that the engine knows). -#}
{% macro utc_offset_hours(zone) -%}
    {{ return(adapter.dispatch('utc_offset_hours', 'strata')(zone)) }}
{%- endmacro %}


{% macro default__utc_offset_hours(zone) -%}
    {%- set there = "cast((" ~ as_of() ~ " at time zone 'UTC') at time zone " ~ zone ~ " as timestamp)" -%}
    {{- return(
        'cast(cast(extract(epoch from (' ~ there ~ ' - ' ~ as_of() ~ ')) as integer) / 3600.0 as decimal(4, 2))'
    ) -}}
{%- endmacro %}


{% macro spark__utc_offset_hours(zone) -%}
    {{- return(
        'cast((unix_timestamp(from_utc_timestamp(' ~ as_of() ~ ', ' ~ zone ~ ')) - unix_timestamp(' ~ as_of()
        ~ ')) / 3600.0 as decimal(4, 2))'
    ) -}}
{%- endmacro %}

{#- A phone number as an identifier, in E.164 (+4930901820); null when it cannot be one.

    Spaces, brackets, hyphens, dots and slashes are dropped, and a bracketed trunk zero
    behind an international prefix. What begins with + or 00 is international: it needs a
    calling code of the seed calling_codes and as many digits as a country of that code
    allows. Anything else is national: the country's trunk prefix is taken off, and the rest
    needs as many digits as the country allows. Letters (an extension is a switchboard's,
    not a person's), an unknown country or a wrong length give null.

    Arguments: expression; country, SQL of its ISO 3166-1 alpha-2 code, null if unknown. -#}
{% macro normalise_phone(expression, country='null') -%}
    {%- set bare = "translate(replace(trim(" ~ expression ~ "), '(0)', ''), ' ()-./\u00a0', '')" -%}
    {%- set whole = "translate(trim(" ~ expression ~ "), ' ()-./\u00a0', '')" -%}
    {%- set international -%}
        case
            when {{ bare }} like '+%' then substring({{ bare }} from 2)
            when {{ bare }} like '00%' then substring({{ bare }} from 3)
        end
    {%- endset -%}
    {#- Calling codes are prefix-free: one of the three lengths matches at most. -#}
    (
        select
            case
                when max(length(given.digits)) > 4 then max('+' || given.digits)
            end
        from (
            select
                case
                    when {{ international }} is not null then {{ international }}
                    when codes.trunk_prefix is not null and {{ whole }} like codes.trunk_prefix || '%'
                        then codes.calling_code || substring({{ whole }} from length(codes.trunk_prefix) + 1)
                    else codes.calling_code || {{ whole }}
                end as digits,
                codes.calling_code,
                codes.min_digits,
                codes.max_digits
            from (
                {#- Names of their own: a caller's `country` must not be taken for the seed's. #}
                select
                    country as of_country,
                    calling_code,
                    trunk_prefix,
                    min_digits,
                    max_digits
                from {{ ref('calling_codes') }}
            ) as codes
            where
                case
                    when {{ international }} is not null
                        then
                            codes.calling_code in (
                                substring({{ international }} from 1 for 1),
                                substring({{ international }} from 1 for 2),
                                substring({{ international }} from 1 for 3)
                            )
                    else codes.of_country = upper(trim({{ country }}))
                end
        ) as given
        where
            translate(given.digits, '0123456789', '') = ''
            and length(given.digits) - length(given.calling_code) between given.min_digits and given.max_digits
    )
{%- endmacro %}

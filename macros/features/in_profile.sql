{#- 1 where a value is one of those the seed ideal_customer_profile lists for an
    attribute, 0 where it is another, null where it is not known.
    Arguments: attribute, expression (SQL). -#}
{% macro in_profile(attribute, expression) -%}
    case
        when {{ expression }} is not null then (
            select count(distinct profile.attribute)
            from {{ ref('ideal_customer_profile') }} as profile
            where profile.attribute = '{{ attribute }}' and lower(profile.value) = lower({{ expression }})
        )
    end
{%- endmacro %}

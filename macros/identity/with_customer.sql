{#- The rows of a relation with the customer each belongs to: `customer_id`, null where
    no source says who it was. Rows of test accounts are left out. The body of a CTE.

    Arguments: relation; by, the relation's columns that identify somebody, in the order
    in which they are believed (contact_id, billing_customer_id, user_id, email, phone,
    anonymous_id); country, SQL of the country of a phone number that is not written with
    its calling code, such as `given.country`. -#}
{% macro with_customer(relation, by, country='null') -%}
    {%- set known = ['contact_id', 'billing_customer_id', 'user_id', 'anonymous_id', 'email', 'phone'] -%}
    {%- for column in by if column not in known -%}
        {%- do exceptions.raise_compiler_error(
            "with_customer is asked to go by '" ~ column ~ "'. Accepted: " ~ known | join(', ') ~ '.'
        ) -%}
    {%- endfor -%}
select
    given.*,
    coalesce({% for column in by %}by_{{ column }}.customer_id, {% endfor %}null) as customer_id
from {{ relation }} as given
{%- for column in by %}
left join {{ ref('customer_identifiers') }} as by_{{ column }}
    on by_{{ column }}.identifier_type = '{{ column }}'
    and by_{{ column }}.identifier_value = {{ _as_identifier(column, country) }}
{%- endfor %}
where not coalesce({% for column in by %}by_{{ column }}.is_test, {% endfor %}false)
{%- endmacro %}


{% macro _as_identifier(column, country) -%}
    {%- if column == 'email' -%}
        {{ normalise_email('given.email') }}
    {%- elif column == 'phone' -%}
        {{ normalise_phone('given.phone', country) }}
    {%- else -%}
        given.{{ column }}
    {%- endif -%}
{%- endmacro %}

{#- What is counted of the tickets of one customer or one account, as the columns of a
    `select ... group by` over fct_tickets. -#}
{% macro ticket_measures() -%}
    count(case when is_open then 1 end) as open_ticket_count,
    count(case when is_open and priority in ('high', 'urgent') then 1 end) as high_priority_open_ticket_count,
    count(case when is_waiting then 1 end) as waiting_ticket_count,
    count(case when {{ within_last('created_at', 28) }} then 1 end) as ticket_count_last_28,
    count(case when {{ within_last('created_at', 90) }} then 1 end) as ticket_count_last_90,
    count(case when reopen_count > 0 and {{ within_last('created_at', 90) }} then 1 end)
        as reopened_ticket_count_last_90,
    {{ rounded_average('case when ' ~ within_last('created_at', 90) ~ ' then hours_to_first_response end') }}
        as hours_to_first_response_average_last_90,
    {{ rounded_average('case when ' ~ within_last('solved_at', 90) ~ ' then hours_to_solve end') }}
        as hours_to_solve_average_last_90,
    {{ rounded_average('case when ' ~ within_last('solved_at', 90) ~ ' then csat_score end') }}
        as csat_average_support_last_90,
    max(created_at) as last_ticket_at
{%- endmacro %}

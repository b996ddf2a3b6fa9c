with tickets as (
    select * from {{ ref('fct_tickets') }}
    where customer_id is not null
),

measured as (
    select
        customer_id,
        {{ ticket_measures() }}
    from tickets
    group by customer_id
),

-- Of equally many the first by the alphabet.
topics as (
    select
        customer_id,
        topic,
        row_number() over (partition by customer_id order by count(*) desc, topic asc) as position
    from tickets
    where topic is not null and {{ within_last('created_at', 90) }}
    group by customer_id, topic
),

request_types as (
    select
        customer_id,
        request_type,
        row_number() over (partition by customer_id order by count(*) desc, request_type asc) as position
    from tickets
    where request_type is not null and {{ within_last('created_at', 90) }}
    group by customer_id, request_type
)

select
    measured.customer_id,
    topics.topic as top_ticket_topic_last_90,
    request_types.request_type as top_request_type_last_90,
    measured.open_ticket_count,
    measured.high_priority_open_ticket_count,
    measured.waiting_ticket_count,
    measured.ticket_count_last_28,
    measured.ticket_count_last_90,
    measured.reopened_ticket_count_last_90,
    measured.hours_to_first_response_average_last_90,
    measured.hours_to_solve_average_last_90,
    measured.csat_average_support_last_90,
    measured.last_ticket_at
from measured
left join topics on measured.customer_id = topics.customer_id and topics.position = 1
left join request_types on measured.customer_id = request_types.customer_id and request_types.position = 1

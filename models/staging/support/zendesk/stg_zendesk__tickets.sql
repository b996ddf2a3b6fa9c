{{ config(enabled=is_fed_by('support', 'tickets', 'zendesk')) }}

with tickets as (
    {{ raw_table('zendesk', 'ticket') }}
),

users as (
    {{ raw_table('zendesk', 'user') }}
),

tags as (
    {{ raw_table('zendesk', 'ticket_tag') }}
),

field_changes as (
    {{ raw_table('zendesk', 'ticket_field_history') }}
),

comments as (
    {{ raw_table('zendesk', 'ticket_comment') }}
),

ratings as (
    {{ raw_table('zendesk', 'satisfaction_rating') }}
),

topics as (
    select
        ticket_id,
        min(
            case lower(tag)
                {%- for topic in support_topics() %}
                when '{{ topic | lower }}' then {{ loop.index }}
                {%- endfor %}
            end
        ) as topic_number
    from tags
    group by ticket_id
),

first_responses as (
    select
        comments.ticket_id,
        min(comments.created) as first_response_at
    from comments
    inner join users on comments.user_id = users.id
    inner join tickets on comments.ticket_id = tickets.id
    where
        comments.public
        and users.role in ('agent', 'admin')
        -- An agent may open a ticket of their own.
        and comments.user_id is distinct from tickets.requester_id
    group by comments.ticket_id
),

-- The history is read as it stood at the run's instant: a later reopening must
-- not change what was true then.
status_changes as (
    select
        ticket_id,
        lower(value) as status,
        updated as changed_at,
        updated <= {{ as_of() }} as has_happened,
        lag(lower(value)) over (partition by ticket_id order by updated) as status_before,
        row_number() over (partition by ticket_id, updated <= {{ as_of() }} order by updated desc) as recency
    from field_changes
    where field_name = 'status'
),

status_history as (
    select
        ticket_id,
        -- Until its first change a ticket is open.
        coalesce(max(case when recency = 1 and has_happened then status end), 'open') as status,
        max(
            case when has_happened and status = 'solved' and status_before is distinct from 'solved' then changed_at end
        ) as solved_at,
        min(case when has_happened and status = 'closed' then changed_at end) as closed_at,
        cast(sum(
            case
                when has_happened and status_before = 'solved' and status in ('new', 'open', 'pending', 'hold') then 1
                else 0
            end
        ) as integer) as reopen_count
    from status_changes
    group by ticket_id
),

ranked_ratings as (
    select
        ticket_id,
        lower(score) as score,
        row_number() over (partition by ticket_id order by created_at desc nulls last, id desc) as recency
    from ratings
    where lower(score) in ('good', 'bad') and (created_at <= {{ as_of() }} or created_at is null)
),

final as (
    select
        -- ids
        tickets.id as ticket_id,
        users.email,

        -- text
        tickets.type as request_type,
        case topics.topic_number
            {%- for topic in support_topics() %}
            when {{ loop.index }} then '{{ topic }}'
            {%- endfor %}
        end as topic,
        tickets.priority,
        coalesce(status_history.status, lower(tickets.status)) as status,
        tickets.via_channel as channel,

        -- numbers
        coalesce(status_history.reopen_count, 0) as reopen_count,
        case ranked_ratings.score when 'good' then 5 when 'bad' then 1 end as csat_score,

        -- times
        tickets.created_at,
        first_responses.first_response_at,
        case
            when status_history.status in ('solved', 'closed')
                then coalesce(status_history.solved_at, status_history.closed_at)
        end as solved_at,
        tickets._fivetran_synced as loaded_at
    from tickets
    left join users on tickets.requester_id = users.id
    left join topics on tickets.id = topics.ticket_id
    left join first_responses on tickets.id = first_responses.ticket_id
    left join status_history on tickets.id = status_history.ticket_id
    left join ranked_ratings on tickets.id = ranked_ratings.ticket_id and ranked_ratings.recency = 1
    where lower(coalesce(tickets.status, 'open')) <> 'deleted'
)

select * from final

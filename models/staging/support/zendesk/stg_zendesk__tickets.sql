{{ config(enabled=is_fed_by('support', 'tickets', 'zendesk')) }}

with raw_tickets as (
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

organizations as (
    {{ raw_table('zendesk', 'organization') }}
),

organization_domains as (
    {{ raw_table('zendesk', 'domain_name') }}
),

accounts as (
    select * from {{ ref('stg_crm__accounts') }}
),

-- A ticket that was merged into another is closed by that, and its story goes on there.
merged_tickets as (
    select parts.part as ticket_id
    from raw_tickets
    {{ each_part("replace(replace(raw_tickets.merged_ticket_ids, '[', ''), ']', '')", ',') }}
    where lower(raw_tickets.status) <> 'deleted'
    group by parts.part
),

tickets as (
    select raw_tickets.*
    from raw_tickets
    left join merged_tickets on raw_tickets.id = merged_tickets.ticket_id
    where
        lower(coalesce(raw_tickets.status, 'open')) <> 'deleted'
        and not coalesce(raw_tickets._fivetran_deleted, false)
        and merged_tickets.ticket_id is null
),

-- An organization is the account that its external id names, or the only one that has one
-- of its domains.
accounts_by_domain as (
    select
        organization_domains.organization_id,
        min(accounts.account_id) as account_id
    from organization_domains
    inner join accounts on lower(trim(organization_domains.domain_name)) = lower(trim(accounts.domain))
    group by organization_domains.organization_id
    having count(distinct accounts.account_id) = 1
),

organization_accounts as (
    select
        organizations.id as organization_id,
        coalesce(accounts.account_id, accounts_by_domain.account_id) as account_id
    from organizations
    left join accounts on organizations.external_id = accounts.account_id
    left join accounts_by_domain on organizations.id = accounts_by_domain.organization_id
    where not coalesce(organizations._fivetran_deleted, false)
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
        status,
        updated as changed_at,
        updated <= {{ as_of() }} as has_happened,
        lag(status) over (partition by ticket_id order by updated, status) as status_before,
        row_number() over (
            partition by ticket_id, updated <= {{ as_of() }}
            order by updated desc, status desc
        ) as recency
    from (
        select
            ticket_id,
            updated,
            replace(lower(value), 'on-hold', 'hold') as status
        from field_changes
        where field_name = 'status'
    ) as changes_of_status
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

-- A rating is a row of its own and a change of the ticket's field; a loader may bring either.
given_ratings as (
    select
        ticket_id,
        lower(score) as score,
        created_at as rated_at,
        id as rating_id
    from ratings
    union all
    select
        ticket_id,
        lower(value) as score,
        updated as rated_at,
        null as rating_id
    from field_changes
    where field_name = 'satisfaction_score'
),

ranked_ratings as (
    select
        ticket_id,
        score,
        row_number() over (
            partition by ticket_id
            order by rated_at desc nulls last, rating_id desc nulls last, score desc
        ) as recency
    from given_ratings
    where score in ('good', 'bad') and (rated_at <= {{ as_of() }} or rated_at is null)
),

final as (
    select
        -- ids
        tickets.id as ticket_id,
        users.external_id as user_id,
        users.email,
        organization_accounts.account_id,

        -- text
        tickets.type as request_type,
        case topics.topic_number
            {%- for topic in support_topics() %}
            when {{ loop.index }} then '{{ topic }}'
            {%- endfor %}
        end as topic,
        tickets.priority,
        coalesce(status_history.status, replace(lower(tickets.status), 'on-hold', 'hold')) as status,
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
    left join organization_accounts
        on coalesce(tickets.organization_id, users.organization_id) = organization_accounts.organization_id
    left join topics on tickets.id = topics.ticket_id
    left join first_responses on tickets.id = first_responses.ticket_id
    left join status_history on tickets.id = status_history.ticket_id
    left join ranked_ratings on tickets.id = ranked_ratings.ticket_id and ranked_ratings.recency = 1
)

select * from final

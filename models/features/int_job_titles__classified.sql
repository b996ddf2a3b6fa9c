-- The titles there are, not the people who have them, are compared with the patterns.
with titles as (
    select job_title
    from {{ ref('dim_customers') }}
    where job_title is not null
    group by job_title
),

patterns as (
    select * from {{ ref('job_title_patterns') }}
),

-- Words of letters and digits between single blanks, so that a pattern matches whole words.
spelled as (
    select
        job_title,
        ' ' || translate(lower(job_title), '/,.-&()+|:;_', '            ') || ' ' as words
    from titles
),

matched as (
    select
        spelled.job_title,
        patterns.job_level,
        patterns.is_decision_maker,
        row_number() over (partition by spelled.job_title order by patterns.rank asc) as position
    from spelled
    inner join patterns on spelled.words like '% ' || lower(patterns.pattern) || ' %'
)

select
    spelled.job_title,
    coalesce(matched.job_level, 'individual') as job_level,
    coalesce(matched.is_decision_maker, false) as is_decision_maker
from spelled
left join matched on spelled.job_title = matched.job_title and matched.position = 1

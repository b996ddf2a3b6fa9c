{{ config(enabled=is_fed_by('survey', 'responses', 'qualtrics')) }}

with responses as (
    {{ raw_table('qualtrics', 'survey_response') }}
),

answers as (
    {{ raw_table('qualtrics', 'question_response') }}
),

questions as (
    {{ raw_table('qualtrics', 'question') }}
),

surveys as (
    {{ raw_table('qualtrics', 'survey') }}
),

invitations as (
    {{ raw_table('qualtrics', 'distribution_contact') }}
),

directory_contacts as (
    {{ raw_table('qualtrics', 'directory_contact') }}
),

mailing_list_contacts as (
    {{ raw_table('qualtrics', 'core_contact') }}
),

-- Whom a response came from, where the response itself does not say.
invited as (
    select
        invitations.response_id,
        min(coalesce(directory_contacts.email, mailing_list_contacts.email)) as email
    from invitations
    left join directory_contacts on invitations.contact_id = directory_contacts.id
    left join mailing_list_contacts on invitations.contact_id = mailing_list_contacts.id
    where invitations.response_id is not null
    group by invitations.response_id
),

-- A person who has not come to the end may still change an answer. Previews, tests and
-- spam are nobody's answer.
finished as (
    select *
    from responses
    where
        coalesce(finished, true)
        and coalesce(status, '0') not in ('1', '2', '8', '9', '12', '17')
),

answered as (
    select
        answers.response_id || '.' || answers.question_id
        || coalesce('.' || answers.sub_question_key, '')
        || coalesce('.' || answers.question_option_key, '')
        || coalesce('.' || answers.loop_id, '') as response_id,
        finished.survey_id,
        answers.question_id,
        {{ qualtrics_question_kind('finished.survey_id', 'answers.question_id', 'questions.selector') }}
            as question_kind,
        {{ qualtrics_survey_kind('finished.survey_id', 'surveys.project_type', 'surveys.survey_name') }}
            as survey_kind,
        coalesce(finished.recipient_email, invited.email) as email,
        coalesce(answers.question, questions.question_description, questions.question_text)
        || coalesce(' ' || answers.sub_question_text, '') as question,
        -- Of several choices the value is a list, which is no score.
        case
            when length(answers.value) <= 9 and translate(answers.value, '0123456789', '') = ''
                then cast(answers.value as integer)
        end as score,
        coalesce(answers.text, answers.value) as answer,
        coalesce(finished.end_date, finished.recorded_date) as responded_at,
        coalesce(answers._fivetran_synced, finished._fivetran_synced) as loaded_at
    from answers
    inner join finished on answers.response_id = finished.id
    left join questions
        on answers.question_id = questions.id and finished.survey_id = questions.survey_id
    left join surveys on finished.survey_id = surveys.id
    left join invited on finished.id = invited.response_id
    where answers.value is not null or answers.text is not null
),

typed as (
    select
        *,
        coalesce(question_kind, survey_kind) as kind,
        coalesce(question_kind, survey_kind) in ('nps', 'csat', 'ces') as is_scored
    from answered
    where coalesce(question_kind, survey_kind) is not null
),

-- A survey that is nps, csat or ces as a whole has one question that asks for the score: the
-- one whose own kind says so, else the first that is answered with a number.
scored as (
    select
        *,
        max(case when question_kind = survey_kind then 1 else 0 end) over (partition by survey_id) as names_question,
        dense_rank() over (
            partition by survey_id, case when question_kind is null then 1 else 0 end
            order by case when score is null then 1 else 0 end, length(question_id), question_id
        ) as question_number
    from typed
),

-- A landed row may come twice.
numbered as (
    select
        *,
        row_number() over (partition by response_id order by loaded_at desc nulls last, answer asc) as version
    from scored
    where
        not is_scored
        or (
            score is not null
            and (question_kind is not null or (names_question = 0 and question_number = 1))
        )
),

final as (
    select
        response_id,
        kind,
        email,
        question,
        case when is_scored then score end as score,
        answer,
        responded_at,
        loaded_at
    from numbered
    where version = 1
)

select * from final

{#- Which arm of an experiment somebody is in, always the same for the same shares; the body of
    a CTE with the columns experiment_id, entity_key, arm: a row for each of `members` that is in
    an arm, none for those whom the shares leave out.

    Weighted rendezvous hashing: every arm draws a number u between 0 and 1 for the member, and
    the smallest -ln(u) / share wins, which an arm does as often as its share says. What the
    shares leave of 1 draws like an arm of its own. A member moves between two arms only where
    the ratio of their shares changed, and only into the one that gained: nobody moves between
    two arms whose shares stay. (Thaler & Ravishankar, Using Name-Based Mappings to Increase Hit
    Rates, IEEE/ACM Transactions on Networking 6 (1998); the weights are those of an exponential
    race: the least of exponential times of rates w1, w2, ... is the first with chance
    w1 / (w1 + w2 + ...).)

    Arguments:
      experiment: SQL of the experiment's id, a literal or a column (`members.experiment_id`).
      entity_key: SQL of the member's key, a text (`members.entity_id`).
      members: a relation or CTE of members.
      arms: a relation or CTE of arms (experiment_id, salt, arm, share); those of the seeds
        unless given. -#}
{% macro experiment_arm(experiment, entity_key, members, arms=none) -%}
{%- set arms = arms or _experiment_arms() -%}
select
    drawn.experiment_id,
    drawn.entity_key,
    drawn.arm
from (
    select
        draws.experiment_id,
        draws.entity_key,
        draws.arm,
        row_number() over (
            partition by draws.experiment_id, draws.entity_key
            order by
                -ln({{ uniform_hash("draws.salt || '|' || draws.arm || '|' || draws.entity_key") }}) / draws.share asc,
                draws.arm asc
        ) as place
    from (
        select
            arms.experiment_id,
            arms.salt,
            arms.arm,
            {{ as_double('arms.share') }} as share,
            {{ entity_key }} as entity_key
        from {{ members }} as members
        inner join (
            select
                experiment_id,
                salt,
                arm,
                share
            from {{ arms }} as given
            union all
            select
                experiment_id,
                salt,
                '' as arm,
                1 - sum(share) as share
            from {{ arms }} as given
            group by experiment_id, salt
        ) as arms on arms.experiment_id = {{ experiment }} and arms.share > 0
    ) as draws
) as drawn
where drawn.place = 1 and drawn.arm <> ''
{%- endmacro %}


{% macro _experiment_arms() -%}
(
    select
        arms.experiment_id,
        experiments.salt,
        arms.arm,
        arms.share
    from {{ ref('experiment_arms') }} as arms
    inner join {{ ref('experiments') }} as experiments on arms.experiment_id = experiments.experiment_id
)
{%- endmacro %}

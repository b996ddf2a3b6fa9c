"""Support as Zendesk holds it: tickets whose number and topic follow the hidden state."""

from dataclasses import dataclass

import numpy as np

from orchestration.demo import columns as col
from orchestration.demo.columns import Flags, Ints, Table
from orchestration.demo.company import (
    DAY,
    END,
    NOT_YET,
    START,
    WEEK,
    Population,
    spell,
    synced,
)
from orchestration.demo.dice import Dice
from orchestration.demo.names import FIRST, LAST
from orchestration.demo.stripe import phone_numbers

TOPICS = ["billing", "bug", "how_to", "integration", "data_import", "feature_request"]
WEEKLY = np.array([0.080, 0.026, 0.028, 0.098, 0.004, 0.042, 0.0])
TOPIC_MIX = np.array(
    [
        #  bill bug how  intg impt feat
        [2.0, 2.0, 9.0, 1.5, 4.0, 0.5],
        [2.5, 2.5, 4.0, 2.0, 1.5, 2.0],
        [1.5, 1.5, 2.0, 4.0, 1.0, 4.0],
        [4.0, 6.0, 1.5, 1.0, 4.0, 0.5],
        [6.0, 1.0, 0.5, 0.2, 0.5, 0.2],
        [3.0, 2.0, 3.0, 1.0, 1.0, 1.0],
    ]
)
SUBJECTS = [
    "Question about an invoice",
    "Something is broken",
    "How do I set this up?",
    "Connecting another tool",
    "Import stops half way",
    "Could you add this?",
]
TYPE_OF_TOPIC = np.array([0, 1, 0, 0, 2, 3])
TYPES = ["question", "incident", "problem", "task"]
PRIORITIES = ["low", "normal", "high", "urgent"]
STATUSES = ["new", "open", "pending", "hold", "solved", "closed", "deleted"]
NEW, OPEN, PENDING, HOLD, SOLVED, CLOSED, DELETED = range(7)
CHANNELS = ["web", "email", "chat"]
AGENTS = 5


@dataclass(frozen=True)
class Support:
    """The tables, and per ticket what a survey needs; `user_id` is by person."""

    tables: dict[str, Table]
    user_id: Ints
    has_user: Flags
    requester: Ints
    ticket: Ints
    solved_at: Ints
    state: Ints
    is_slow: Flags


def support(population: Population, seed: int) -> Support:
    """Everything in Zendesk for a chunk of people."""
    dice = Dice(seed, population.chunk, 4)
    person, created, state = _questions(population, dice)
    rows = len(person)
    number = population.base() + 1_001 + np.arange(rows, dtype=np.int64)
    has_user = np.zeros(population.people, dtype=bool)
    has_user[person] = True
    user_id = population.base() + 7_000_000 + np.cumsum(has_user)
    agent = 1 + dice.whole(rows, 0, AGENTS - 1)
    topic = dice.pick_by_row(TOPIC_MIX, np.minimum(state, 5))

    worry = np.where(state == 3, 1.8, 1.0)
    answered = created + 600 + (dice.exponential(rows, 7 * 3_600.0) * worry).astype(np.int64)
    solved = answered + 1_800 + (dice.exponential(rows, 1.8 * DAY) * worry).astype(np.int64)
    waits = dice.chance(rows, 0.35)
    reopened = dice.chance(rows, np.where(state == 3, 0.16, 0.05))
    again = solved + 3_600 + dice.whole(rows, 0, 2 * DAY)
    solved_again = again + 3_600 + dice.whole(rows, 0, 3 * DAY)
    settled = np.where(reopened, solved_again, solved)
    closes = settled + 4 * DAY
    stalls = dice.chance(rows, 0.03)
    on_hold = dice.chance(rows, 0.04)
    deleted = dice.chance(rows, 0.006)
    every = np.ones(rows, dtype=bool)
    goes_on = ~stalls & ~deleted
    steps: list[tuple[Ints, int, Flags]] = [
        (created, NEW, every),
        (answered, OPEN, every & ~deleted),
        (created + 1_200, DELETED, deleted),
        (answered + 900, PENDING, waits & (solved > answered + 1_200) & ~deleted),
        (answered + 1_000, HOLD, on_hold & (solved > answered + 1_200) & ~deleted),
        (solved, SOLVED, goes_on),
        (again, OPEN, goes_on & reopened),
        (solved_again, SOLVED, goes_on & reopened),
        (closes, CLOSED, goes_on),
    ]
    history, status, updated = _history(steps, number, agent, user_id[person])
    spoken, reached_at = status >= SOLVED, np.where(goes_on & (settled < END), settled, -1)
    tables: dict[str, Table] = {
        "ticket": _tickets(
            population, dice, number, user_id, person, created, topic, status, updated
        ),
        "user": _users(population, dice, user_id, has_user, person, created),
        "ticket_tag": {
            "ticket_id": col.key("", number),
            "tag": col.label(TOPICS, topic),
        },
        "ticket_field_history": history,
        "ticket_comment": _comments(
            population, number, user_id[person], agent, created, answered, deleted, dice
        ),
        "satisfaction_rating": _ratings(
            population, dice, number, state, reached_at, spoken & ~deleted
        ),
    }
    return Support(
        tables=tables,
        user_id=user_id,
        has_user=has_user,
        requester=person,
        ticket=number,
        solved_at=reached_at,
        state=state,
        is_slow=reopened | (settled - created > 5 * DAY),
    )


def _questions(population: Population, dice: Dice) -> tuple[Ints, Ints, Ints]:
    """Who asks when, and in which state they are; also a few people who only think of buying."""
    users = np.flatnonzero(population.signed_up())
    state = population.state[population.unit[users]].astype(np.int64)
    first_week = (population.signed_up_at[users] - START) // WEEK
    alive = np.arange(state.shape[1])[None, :] >= first_week[:, None]
    mean = np.where(alive, WEEKLY[state], 0.0)
    count = dice.poisson(mean.ravel()).reshape(mean.shape)
    row, week = np.nonzero(count)
    times = count[row, week]
    row, week = np.repeat(row, times), np.repeat(week, times)
    at = START + week * WEEK + dice.whole(len(row), 0, WEEK - 1)
    person = users[row]
    stays_out = population.has_contact & (population.signed_up_at < 0) & ~population.hides_email
    others = np.flatnonzero(stays_out)
    others = others[dice.chance(len(others), 0.03)]
    other_at = population.touched_at[others] + dice.whole(len(others), 600, 5 * DAY)
    person = np.concatenate([person, others])
    at = np.concatenate([at, other_at])
    since = np.where(population.signed_up_at >= 0, population.signed_up_at, population.touched_at)
    kept = (at > since[person] + 60) & (at < END - 1_800)
    person, at = person[kept], at[kept]
    order = np.lexsort((person, at))
    person, at = person[order], at[order]
    state_then = population.state_at(population.unit[person], at)
    known = (population.signed_up_at[person] >= 0) & (state_then != NOT_YET)
    return person, at, np.where(known, state_then, 0)


def _history(
    steps: list[tuple[Ints, int, Flags]],
    number: Ints,
    agent: Ints,
    requester: Ints,
) -> tuple[Table, Ints, Ints]:
    """Every change of status before the end of the data, and what each ticket came to."""
    rows = len(number)
    row = np.concatenate([np.flatnonzero(shown & (at < END)) for at, _, shown in steps])
    at = np.concatenate([at[shown & (at < END)] for at, _, shown in steps])
    value = np.concatenate(
        [np.full(int((shown & (at < END)).sum()), status) for at, status, shown in steps]
    )
    order = np.lexsort((at, row))
    row, at, value = row[order], at[order], value[order]
    last = np.flatnonzero(np.append(row[1:] != row[:-1], True))
    status = np.zeros(rows, dtype=np.int64)
    updated = np.zeros(rows, dtype=np.int64)
    status[row[last]], updated[row[last]] = value[last], at[last]
    by_requester = value == NEW
    table: Table = {
        "ticket_id": col.key("", number[row]),
        "field_name": col.constant("status", len(row)),
        "value": col.label(STATUSES, value),
        "updated": col.time(at),
        "user_id": col.key("", np.where(by_requester, requester[row], agent[row]), value != CLOSED),
    }
    return table, status, updated


def _tickets(
    population: Population,
    dice: Dice,
    number: Ints,
    user_id: Ints,
    person: Ints,
    created: Ints,
    topic: Ints,
    status: Ints,
    updated: Ints,
) -> Table:
    rows = len(number)
    account = population.account[person]
    priority = dice.pick(rows, [20, 55, 19, 6])
    priority = np.where(topic == 1, np.minimum(priority + 1, 3), priority)
    channel = dice.pick(rows, [50, 35, 15])
    return {
        "id": col.key("", number),
        "requester_id": col.key("", user_id[person]),
        "organization_id": _organizations(population, account),
        "subject": col.label(SUBJECTS, topic),
        "description": col.label(
            ["I tried twice and it still fails."], topic * 0, (topic == 1) & (number % 6 == 0)
        ),
        "type": col.label(TYPES, TYPE_OF_TOPIC[topic], dice.chance(rows, 0.9)),
        "priority": col.label(PRIORITIES, priority, dice.chance(rows, 0.92)),
        "status": col.label(STATUSES, status),
        "via_channel": col.label(CHANNELS, channel),
        "created_at": col.time(created),
        "updated_at": col.time(updated),
        "_fivetran_synced": col.time(synced(updated)),
    }


def _organizations(population: Population, account: Ints) -> col.Column:
    """Zendesk's own number of a company: not HubSpot's."""
    return col.key("", population.base() + 90_001 + account, account >= 0)


def _users(
    population: Population, dice: Dice, user_id: Ints, has_user: Flags, asked: Ints, at: Ints
) -> Table:
    person = np.flatnonzero(has_user)
    rows = len(person)
    first = np.full(population.people, END, dtype=np.int64)
    np.minimum.at(first, asked, at)
    created = first[person] - 30
    signed = population.signed_up()[person]
    linked = signed & dice.chance(rows, 0.7)
    uses_other = (linked & dice.chance(rows, 0.05) & ~population.is_test[person]).tolist()
    people = person.tolist()
    written = spell(dice, [population.email[one] for one in people], 0.06, 0.01)
    other = [population.other_email[one] for one in people]
    email = [b if o else a for a, b, o in zip(written, other, uses_other, strict=True)]
    first_name, last_name = population.first_name[person], population.last_name[person]
    names = zip(first_name.tolist(), last_name.tolist(), strict=True)
    agents = AGENTS if population.chunk == 0 else 0
    agent_names = ["Ilse", "Tomar", "Vela", "Rudo", "Nima"][:agents]
    is_agent = np.repeat([True, False], [agents, rows])
    none = np.full(agents, -1, dtype=np.int64)
    phones = phone_numbers(population, person, dice.chance(rows, 0.12), in_brackets=True)
    return {
        "id": col.key("", np.concatenate([1 + np.arange(agents), user_id[person]])),
        "email": col.text([f"{name.lower()}@tallyworks.test" for name in agent_names] + email),
        "name": col.text(agent_names + [f"{FIRST[a]} {LAST[b]}" for a, b in names]),
        "phone": col.text([None] * agents + phones),
        "external_id": col.key(
            "u",
            np.concatenate([none, population.number[person]]),
            np.concatenate([none > 0, linked]),
        ),
        "role": col.label(["end-user", "agent"], is_agent.astype(np.int64)),
        "organization_id": _organizations(
            population, np.concatenate([none, population.account[person]])
        ),
        "created_at": col.time(np.concatenate([none * 0 + START, created])),
        "_fivetran_synced": col.time(synced(np.concatenate([none * 0 + START, created]))),
    }


def _comments(
    population: Population,
    number: Ints,
    requester: Ints,
    agent: Ints,
    created: Ints,
    answered: Ints,
    deleted: Flags,
    dice: Dice,
) -> Table:
    """The question, an internal note on some, and the first public answer."""
    every = np.arange(len(number))
    noted = every[dice.chance(len(every), 0.12) & ~deleted]
    replied = every[~deleted & (answered < END)]
    row = np.concatenate([every, noted, replied])
    at = np.concatenate([created, created[noted] + 300, answered[replied]])
    who = np.concatenate([requester, agent[noted], agent[replied]])
    public = np.repeat([True, False, True], [len(every), len(noted), len(replied)])
    order = np.lexsort((row, at))
    row, at, who, public = row[order], at[order], who[order], public[order]
    return {
        "id": col.key("", population.base() + 1 + np.arange(len(row))),
        "ticket_id": col.key("", number[row]),
        "user_id": col.key("", who),
        "public": col.flag(public),
        "created": col.time(at),
    }


def _ratings(
    population: Population, dice: Dice, number: Ints, state: Ints, solved_at: Ints, finished: Flags
) -> Table:
    offered = np.flatnonzero((solved_at >= 0) & finished & dice.chance(len(number), 0.4))
    rows = len(offered)
    answers = dice.chance(rows, 0.5)
    happy = dice.chance(rows, np.array([0.75, 0.85, 0.93, 0.35, 0.3, 0.7])[state[offered]])
    score = np.where(answers, np.where(happy, 0, 1), 2)
    at = np.minimum(solved_at[offered] + dice.whole(rows, 600, DAY), END - 60)
    comments = ["Thank you, quick and clear.", "Took too long."]
    return {
        "id": col.key("", population.base() + 1 + np.arange(rows)),
        "ticket_id": col.key("", number[offered]),
        "score": col.label(["good", "bad", "offered"], score),
        "comment": col.label(comments, np.minimum(score, 1), answers & dice.chance(rows, 0.2)),
        "created_at": col.time(at),
    }

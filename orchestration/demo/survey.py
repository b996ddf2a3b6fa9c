"""Plain tables of the generic contract: survey responses, enrichment and manual overrides."""

import numpy as np

from orchestration.demo import columns as col
from orchestration.demo.columns import Floats, Ints, Table
from orchestration.demo.company import (
    AT_RISK,
    CHURNED,
    DAY,
    END,
    JOBS,
    NEEDS,
    NOT_YET,
    Population,
    month_starts,
    spell,
)
from orchestration.demo.dice import Dice
from orchestration.demo.hubspot import Crm
from orchestration.demo.segment import company_ids
from orchestration.demo.zendesk import Support

KINDS = ["nps", "csat", "welcome", "needs", "exit"]
NPS, CSAT, WELCOME, NEEDED, EXIT = range(5)
QUESTIONS = [
    "How likely are you to recommend us?",
    "How was our help?",
    "What will you use it for?",
    "What matters most to you?",
    "Why do you leave?",
]
REASONS = ["too_expensive", "missing_feature", "hard_to_use", "switched_tool", "no_longer_needed"]
ANSWERS = JOBS + NEEDS + REASONS


def _normal_like(center: list[float], spread: float, low: int, high: int) -> Floats:
    scores = np.arange(low, high + 1)
    away = (scores[None, :] - np.array(center)[:, None]) / spread
    weights: Floats = np.exp(-0.5 * away * away)
    return weights


# Weights of the scores 0 to 10 and 1 to 5 in each state.
NPS_MIX = _normal_like([7.4, 8.2, 9.4, 4.6, 3.0, 7.4], 1.8, 0, 10)
CSAT_MIX = _normal_like([4.3, 4.6, 5.0, 2.9, 2.6, 4.4], 1.0, 1, 5)


def ask(population: Population, crm: Crm, tickets: Support, seed: int) -> dict[str, Table]:
    """Everything in raw_generic for a chunk of people."""
    dice = Dice(seed, population.chunk, 5)
    tables = {
        "survey_responses": _responses(population, crm, tickets, dice),
        "enrichment": _enrichment(population, dice),
    }
    if population.chunk == 0:
        tables["manual_overrides"] = _overrides(population)
        tables["suppressions"] = _suppressions(population)
    return tables


def _responses(population: Population, crm: Crm, tickets: Support, dice: Dice) -> Table:
    parts: list[tuple[Ints, Ints, Ints, Ints, Ints]] = []

    def add(kind: int, person: Ints, at: Ints, score: Ints, answer: Ints) -> None:
        kept = at < END
        full = np.full(int(kept.sum()), kind, dtype=np.int64)
        parts.append((full, person[kept], at[kept], score[kept], answer[kept]))

    users = np.flatnonzero(population.signed_up())
    signed = population.signed_up_at[users]
    unit = population.unit[users]
    for quarter in month_starts()[3::3]:
        sent_at = int(quarter) - 20 * DAY
        at = sent_at + dice.whole(len(users), 3_600, 12 * DAY)
        state = population.state_at(unit, at)
        replies = dice.chance(len(users), np.where(state == AT_RISK, 0.2, 0.25))
        asked = np.flatnonzero(
            (signed < sent_at) & (state != CHURNED) & (state != NOT_YET) & replies
        )
        score = dice.pick_by_row(NPS_MIX, state[asked])
        add(NPS, users[asked], at[asked], score, np.full(len(asked), -1))

    rows = len(tickets.requester)
    rated = np.flatnonzero((tickets.solved_at >= 0) & dice.chance(rows, 0.36))
    score = 1 + dice.pick_by_row(CSAT_MIX, tickets.state[rated])
    score = np.maximum(score - tickets.is_slow[rated], 1)
    at = tickets.solved_at[rated] + dice.whole(len(rated), 1_800, 3 * DAY)
    add(CSAT, tickets.requester[rated], at, score, np.full(len(rated), -1))

    welcomed = np.flatnonzero(dice.chance(len(users), 0.5))
    truthful = dice.chance(len(welcomed), 0.9)
    job = np.where(truthful, population.job[users[welcomed]], dice.whole(len(welcomed), 0, 3))
    none = np.full(len(users), -1, dtype=np.int64)
    at = signed[welcomed] + dice.whole(len(welcomed), 60, 1_800)
    add(WELCOME, users[welcomed], at, none[: len(welcomed)], job)

    stayed = np.flatnonzero(population.converts[unit] & dice.chance(len(users), 0.35))
    need = population.need[users[stayed]] + len(JOBS)
    at = signed[stayed] + 15 * DAY + dice.whole(len(stayed), 0, 20 * DAY)
    add(NEEDED, users[stayed], at, none[: len(stayed)], need)

    left = np.flatnonzero((population.churned_at >= 0) & (population.payer >= 0))
    left = left[dice.chance(len(left), 0.35)]
    person = population.payer[left]
    known = population.signed_up()[person]
    left, person = left[known], person[known]
    reason = len(JOBS) + len(NEEDS) + dice.pick(len(left), [30, 20, 24, 12, 14])
    at = population.churned_at[left] + dice.whole(len(left), 600, 2 * DAY)
    add(EXIT, person, at, np.full(len(left), -1, dtype=np.int64), reason)

    kind, person, at, score, answer = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((person, kind, at))
    kind, person, at, score, answer = (part[order] for part in (kind, person, at, score, answer))
    rows = len(kind)
    by_contact = population.has_contact[person] & dice.chance(rows, 0.3)
    emails = spell(dice, [population.email[one] for one in person.tolist()], 0.06, 0.01)
    account = population.account[person]
    return {
        "response_id": col.key("r", population.base() + 1 + np.arange(rows)),
        "kind": col.label(KINDS, kind),
        "contact_id": col.key("", crm.contact_id[person], by_contact),
        "email": col.label(emails, np.arange(rows), ~by_contact | dice.chance(rows, 0.3)),
        "account_id": col.key("", company_ids(population, account), (account >= 0) & by_contact),
        "question": col.label(QUESTIONS, kind),
        "score": col.number(score, score >= 0),
        "answer": col.label(ANSWERS, np.maximum(answer, 0), answer >= 0),
        "responded_at": col.time(at),
    }


def _enrichment(population: Population, dice: Dice) -> Table:
    """What a data provider says about some companies (by domain) and some people (by e-mail)."""
    firms = np.repeat(np.flatnonzero(dice.chance(population.accounts, 0.6)), 2)
    shown = population.has_contact & ~population.is_test & ~population.hides_email
    some = np.flatnonzero(shown)
    some = some[dice.chance(len(some), 0.1)]
    is_firm = np.repeat([True, False], [len(firms), len(some)])
    owner = np.concatenate([firms, some])
    rows = len(owner)
    attributes = [
        "delivery_model",
        "tech_stack",
        "income_band",
        "interests",
        "attitudes",
        "education",
    ]
    attribute = np.where(is_firm, np.arange(rows) % 2, 2 + dice.whole(rows, 0, 3))
    values = [
        "remote", "on_site", "hybrid",
        "accounting_suite", "spreadsheets", "chat_and_boards",
        "low", "middle", "high",
        "design", "finance", "travel",
        "early_adopter", "price_conscious", "quality_first",
        "secondary", "bachelor", "master",
    ]  # fmt: skip
    since = np.where(
        is_firm,
        population.account_created_at[np.where(is_firm, owner, 0)],
        population.touched_at[np.where(is_firm, 0, owner)],
    )
    at = dice.between(since, np.full(rows, END - 3_600))
    place = np.where(is_firm, owner, 0)
    return {
        "email": col.label(population.email, np.where(is_firm, 0, owner), ~is_firm),
        "domain": col.label(population.account_domain, place, is_firm),
        "attribute": col.label(attributes, attribute),
        "value": col.label(values, attribute * 3 + dice.whole(rows, 0, 2)),
        "provider": col.label(["ledgerlight", "factpool"], dice.pick(rows, [0.7, 0.3])),
        "observed_at": col.time(at),
    }


def _suppressions(population: Population) -> Table:
    """Who is not to be contacted: a bounced address, a quarrel that is over, a company at law."""
    ordinary = population.signed_up() & population.has_contact & ~population.is_test
    ordinary &= ~population.has_duplicate_contact
    email = [population.email[one] for one in np.flatnonzero(ordinary).tolist()]
    bounced, complained = email[len(email) // 2], email[len(email) // 3]
    domain = email[0].split("@")[1]
    return {
        "entity_id": col.constant(None, 3),
        "email": col.text([bounced, complained, None]),
        "phone": col.constant(None, 3),
        "email_domain": col.text([None, None, domain]),
        "channel": col.text(["email", None, "all"]),
        "reason": col.text(["hard bounce", "complaint, settled since", "legal dispute"]),
        "by": col.constant("ilse@tallyworks.test", 3),
        "suppressed_at": col.time(np.array([END - 40 * DAY, END - 90 * DAY, END - 20 * DAY])),
        "until": col.time(np.array([END, END - 30 * DAY, END]), np.array([False, True, False])),
    }


def _overrides(population: Population) -> Table:
    """People put into or kept out of a segment by hand; one of the exceptions has run out."""
    ordinary = population.signed_up() & population.has_contact & ~population.is_test
    ordinary &= ~population.has_duplicate_contact
    person = np.flatnonzero(ordinary)[:6]
    segments = [
        "champions",
        "champions",
        "nps_promoters",
        "nps_promoters",
        "at_risk_paying",
        "at_risk_paying",
    ]
    actions = ["include", "exclude", "exclude", "include", "include", "exclude"]
    reasons = [
        "Speaks at our user day",
        "Asked not to be contacted",
        "Score given by mistake",
        "Promoter in a call",
        "Told support they may leave",
        "Renewal already agreed",
    ]
    rows = len(person)
    until = np.array([END + 90 * DAY, END, END, END, END - 30 * DAY, END + 30 * DAY])[:rows]
    lasting = np.array([True, False, False, False, True, True])[:rows]
    return {
        "segment_id": col.text(segments[:rows]),
        "entity_id": col.constant(None, rows),
        "email": col.text([population.email[one] for one in person.tolist()]),
        "action": col.text(actions[:rows]),
        "by": col.constant("ilse@tallyworks.test", rows),
        "reason": col.text(reasons[:rows]),
        "until": col.time(until, lasting),
    }

"""The CRM as HubSpot holds it: contacts, companies, deals and e-mail subscriptions."""

from dataclasses import dataclass

import numpy as np

from orchestration.demo import columns as col
from orchestration.demo.columns import Flags, Ints, Table
from orchestration.demo.company import (
    COUNTRIES,
    CURRENCIES,
    CURRENCY_OF_COUNTRY,
    DAY,
    END,
    GROWING,
    START,
    WEEKS,
    Population,
    spell,
    synced,
)
from orchestration.demo.dice import Dice
from orchestration.demo.names import FIRST, LAST
from orchestration.demo.segment import company_ids
from orchestration.demo.stripe import PRICES, Billing, phone_numbers

STAGES = [
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
]
SUBSCRIBER, LEAD, MARKETING, SALES, OPPORTUNITY, CUSTOMER, EVANGELIST, OTHER = range(8)
SOURCES = [
    "ORGANIC_SEARCH",
    "PAID_SEARCH",
    "SOCIAL_MEDIA",
    "REFERRALS",
    "DIRECT_TRAFFIC",
    "EMAIL_MARKETING",
]
PERSONAS = ["freelancer", "agency_owner", "operations_lead", "finance_lead"]
TITLES = [
    "Founder",
    "Designer",
    "Operations Lead",
    "Project Manager",
    "Accountant",
    "Consultant",
    "Developer",
    "Head of Finance",
]
INDUSTRIES = [
    "COMPUTER_SOFTWARE",
    "MARKETING_AND_ADVERTISING",
    "ARCHITECTURE_PLANNING",
    "ACCOUNTING",
    "CONSTRUCTION",
    "DESIGN",
    "MANAGEMENT_CONSULTING",
    "EDUCATION_MANAGEMENT",
]
DEAL_STAGES = [
    # id, label, won, closed, probability
    ("appointment", "Appointment scheduled", False, False, "0.2"),
    ("qualified", "Qualified to buy", False, False, "0.4"),
    ("proposal", "Proposal sent", False, False, "0.6"),
    ("contract", "Contract sent", False, False, "0.9"),
    ("closedwon", "Closed won", True, True, "1.0"),
    ("closedlost", "Closed lost", False, True, "0.0"),
]
WON, LOST = 4, 5


@dataclass(frozen=True)
class Crm:
    """The tables, and the HubSpot ids of each person."""

    tables: dict[str, Table]
    contact_id: Ints  # by person; meaningless where has_contact is false
    duplicate_id: Ints  # by person; meaningless where has_duplicate_contact is false
    has_open_deal: Flags  # by account


def keep_relations(population: Population, billing: Billing, seed: int) -> Crm:
    """Everything in HubSpot for a chunk of people."""
    dice = Dice(seed, population.chunk, 3)
    first = population.base() + 20_001
    contact_id = first + np.cumsum(population.has_contact) - 1
    total = int(population.has_contact.sum())
    duplicate_id = first + total + np.cumsum(population.has_duplicate_contact) - 1
    deals, has_open_deal = _deals(population, billing, contact_id, dice)
    tables = {
        "contact": _contacts(population, billing, contact_id, duplicate_id, has_open_deal, dice),
        "company": _companies(population, dice),
        **deals,
        "email_subscription_change": _consents(population, dice),
    }
    if population.chunk == 0:
        tables["deal_pipeline_stage"] = _stages()
    return Crm(tables, contact_id, duplicate_id, has_open_deal)


def _lifecycle(population: Population, billing: Billing, open_deal: Flags, dice: Dice) -> Ints:
    people, unit = population.people, population.unit
    stage = np.where(dice.chance(people, 0.5), SUBSCRIBER, LEAD)
    stage = np.where(dice.chance(people, 0.2), MARKETING, stage)
    in_team = population.account >= 0
    stage[in_team & open_deal[np.maximum(population.account, 0)]] = OPPORTUNITY
    signed = population.signed_up()
    stage[signed] = np.where(dice.chance(people, 0.5), MARKETING, SALES)[signed]
    paid = (billing.paid_from >= 0)[unit] & signed
    stage[paid] = CUSTOMER
    growing = population.state[unit, WEEKS - 1] == GROWING
    stage[paid & growing & dice.chance(people, 0.15)] = EVANGELIST
    stage[dice.chance(people, 0.015)] = OTHER
    return stage


def _contacts(
    population: Population,
    billing: Billing,
    contact_id: Ints,
    duplicate_id: Ints,
    open_deal: Flags,
    dice: Dice,
) -> Table:
    people = population.people
    stage = _lifecycle(population, billing, open_deal, dice)
    once = np.flatnonzero(population.has_contact)
    twice = np.flatnonzero(population.has_duplicate_contact)
    person = np.concatenate([once, twice])
    again = np.repeat([False, True], [len(once), len(twice)])
    rows = len(person)

    email = spell(dice, population.email, 0.06, 0.015)
    recased = [population.email[one].title() for one in twice.tolist()]
    written = [email[one] for one in once.tolist()] + recased
    signed = population.signed_up()[person]
    knows_user = signed & dice.chance(rows, 0.6) & ~again
    no_email = knows_user & dice.chance(rows, 0.012)
    no_email |= population.hides_email[person]

    created = population.touched_at[person]
    later = (
        created + DAY + (dice.uniform(rows) * np.maximum(END - created - 2 * DAY, 0)).astype(int)
    )
    created = np.where(again, np.minimum(later, END - 7_200), created)
    modified = created + (dice.uniform(rows) ** 0.6 * (END - 1_800 - created)).astype(np.int64)
    country, spelled = _countries(population.country[person], dice)
    born = -3_650 - (dice.uniform(people) * 12_000).astype(np.int64)
    persona = np.where(population.account >= 0, dice.whole(people, 1, 3), 0)
    region = [row[9] or None for row in COUNTRIES]
    full = ~again
    return {
        "id": col.key("", np.where(again, duplicate_id[person], contact_id[person])),
        "_fivetran_deleted": col.flag(dice.chance(rows, 0.008) & ~signed & ~again),
        "_fivetran_synced": col.time(synced(modified)),
        "property_email": col.label(written, np.arange(rows), ~no_email),
        "property_firstname": col.label(
            FIRST, population.first_name[person], dice.chance(rows, 0.96)
        ),
        "property_lastname": col.label(LAST, population.last_name[person], dice.chance(rows, 0.94)),
        "property_phone": col.text(
            phone_numbers(population, person, full & dice.chance(rows, 0.55), in_brackets=False)
        ),
        "property_jobtitle": col.label(
            TITLES, dice.whole(rows, 0, 7), full & dice.chance(rows, 0.5)
        ),
        "property_country": col.label(spelled, country, full & dice.chance(rows, 0.94)),
        "property_state": col.label(region, population.country[person], full),
        "property_city": col.label(
            [row[8] for row in COUNTRIES], population.country[person], full & dice.chance(rows, 0.6)
        ),
        "property_zip": col.key("", 10_000 + person % 90_000, full & dice.chance(rows, 0.25)),
        "property_hs_language": col.label(
            [row[6] for row in COUNTRIES], population.country[person], full & dice.chance(rows, 0.8)
        ),
        "property_hs_timezone": col.label(
            [row[5] for row in COUNTRIES], population.country[person], full & dice.chance(rows, 0.7)
        ),
        "property_date_of_birth": col.day(born[person] + 7_300, full & dice.chance(rows, 0.25)),
        "property_gender": col.label(
            ["female", "male", "nonbinary"], dice.pick(rows, [48, 47, 5]), dice.chance(rows, 0.3)
        ),
        "property_lifecyclestage": col.label(STAGES, np.where(again, LEAD, stage[person])),
        "property_hs_analytics_source": col.label(
            SOURCES, dice.pick(rows, [34, 18, 14, 12, 14, 8]), dice.chance(rows, 0.92)
        ),
        "property_hs_persona": col.label(PERSONAS, persona[person], full & dice.chance(rows, 0.4)),
        "property_user_id": col.key("u", population.number[person], knows_user),
        "property_associatedcompanyid": col.key(
            "",
            company_ids(population, population.account[person]),
            (population.account[person] >= 0) & dice.chance(rows, 0.96),
        ),
        "property_createdate": col.time(created),
        "property_lastmodifieddate": col.time(modified),
    }


def _countries(country: Ints, dice: Dice) -> tuple[Ints, list[str]]:
    """People's own spellings: mostly the English name, sometimes the code, sometimes lower case."""
    names = [row[1] for row in COUNTRIES]
    spelled = names + [row[0] for row in COUNTRIES] + [name.lower() for name in names]
    way = dice.pick(len(country), [0.9, 0.08, 0.02])
    return country + way * len(COUNTRIES), spelled


def _companies(population: Population, dice: Dice) -> Table:
    rows = population.accounts
    created = population.account_created_at
    modified = created + (dice.uniform(rows) ** 0.5 * (END - 1_800 - created)).astype(np.int64)
    _, first = np.unique(population.account, return_index=True)
    country = population.country[first[-rows:]]
    spelling, spelled = _countries(country, dice)
    revenue = population.employees * (60 + dice.whole(rows, 0, 90)) * 1_000
    return {
        "id": col.key("", company_ids(population, np.arange(rows))),
        "is_deleted": col.flag(np.zeros(rows, dtype=bool)),
        "_fivetran_synced": col.time(synced(modified)),
        "property_name": col.text(population.account_name),
        "property_domain": col.label(
            population.account_domain, np.arange(rows), dice.chance(rows, 0.97)
        ),
        "property_industry": col.label(
            INDUSTRIES, dice.whole(rows, 0, len(INDUSTRIES) - 1), dice.chance(rows, 0.9)
        ),
        "property_numberofemployees": col.number(population.employees, dice.chance(rows, 0.92)),
        "property_annualrevenue": col.number(revenue, dice.chance(rows, 0.6)),
        "property_country": col.label(spelled, spelling, dice.chance(rows, 0.95)),
        "property_state": col.label([row[9] or None for row in COUNTRIES], country),
        "property_createdate": col.time(created),
        "property_hs_lastmodifieddate": col.time(modified),
    }


def _deals(
    population: Population, billing: Billing, contact_id: Ints, dice: Dice
) -> tuple[dict[str, Table], Flags]:
    """A first deal for most accounts and an expansion deal for some that grew."""
    accounts = population.accounts
    first = np.flatnonzero(dice.chance(accounts, 0.85))
    paid_from = billing.paid_from[:accounts]
    upgraded = billing.upgrade_unit < accounts
    grown, where = np.unique(billing.upgrade_unit[upgraded], return_index=True)
    grown_at = billing.upgrade_at[upgraded][where]
    account = np.concatenate([first, grown])
    rows = len(account)
    is_first = np.arange(rows) < len(first)
    started = population.account_created_at[account] + dice.whole(rows, 3_600, 5 * DAY)
    won_at = np.where(is_first, paid_from[account], np.concatenate([first, grown_at]))
    created = np.where(is_first, started, won_at - dice.whole(rows, 5 * DAY, 25 * DAY))
    created = np.clip(created, START, END - 3_600)
    won = np.where(is_first, paid_from[account] >= 0, True)
    lost_at = created + dice.whole(rows, 10 * DAY, 90 * DAY)
    lost = ~won & (lost_at < END) & dice.chance(rows, 0.9)
    stage = np.where(won, WON, np.where(lost, LOST, dice.whole(rows, 0, 3)))
    closed_at = np.where(won, np.maximum(won_at, created + 60), lost_at)
    closed_at = np.minimum(closed_at, END - 60)
    member = np.flatnonzero((population.account >= 0) & population.has_contact)
    leads, first_member = np.unique(population.account[member], return_index=True)
    contact = np.full(accounts, -1, dtype=np.int64)
    contact[leads] = member[first_member]
    currency = CURRENCY_OF_COUNTRY[population.country[population.payer[account]]]
    plan = np.where(billing.plan[account] >= 0, billing.plan[account], 1)
    seats = np.maximum(billing.seats[account], 2)
    major = np.where(currency == 3, 1, 100)
    amount = PRICES[plan, currency] * seats * 12 // major
    order = np.lexsort((account, created))
    number = np.empty(rows, dtype=np.int64)
    number[order] = population.base() + 501 + np.arange(rows)
    open_deal = np.zeros(accounts, dtype=bool)
    open_deal[account[stage < WON]] = True
    has_lead = np.flatnonzero(contact[account] >= 0)
    changed = np.where(stage < WON, created + 7_200, closed_at)
    deal: Table = {
        "deal_id": col.key("", number),
        "is_deleted": col.flag(dice.chance(rows, 0.01)),
        "_fivetran_synced": col.time(synced(changed)),
        "deal_pipeline_id": col.constant("default", rows),
        "deal_pipeline_stage_id": col.label([one[0] for one in DEAL_STAGES], stage),
        "property_amount": col.number(amount, dice.chance(rows, 0.95)),
        "property_deal_currency_code": col.label(CURRENCIES, currency),
        "property_createdate": col.time(created),
        "property_closedate": col.time(closed_at, stage >= WON),
    }
    tables: dict[str, Table] = {
        "deal": col.take(deal, order),
        "deal_contact": {
            "deal_id": col.key("", number[has_lead]),
            "contact_id": col.key("", contact_id[contact[account[has_lead]]]),
        },
        "deal_company": {
            "deal_id": col.key("", number),
            "company_id": col.key("", company_ids(population, account)),
        },
    }
    return tables, open_deal


def _stages() -> Table:
    rows = len(DEAL_STAGES)
    return {
        "stage_id": col.text([one[0] for one in DEAL_STAGES]),
        "pipeline_id": col.constant("default", rows),
        "label": col.text([one[1] for one in DEAL_STAGES]),
        "closed_won": col.flag(np.array([one[2] for one in DEAL_STAGES])),
        "is_closed": col.flag(np.array([one[3] for one in DEAL_STAGES])),
        "probability": col.decimal([one[4] for one in DEAL_STAGES], np.arange(rows)),
        "_fivetran_deleted": col.flag(np.zeros(rows, dtype=bool)),
    }


def _consents(population: Population, dice: Dice) -> Table:
    """Subscriptions on first contact, later opt-outs of about 12 %, some of them taken back."""
    people = population.people
    contacts = population.has_contact & ~population.hides_email
    joined = contacts & dice.chance(people, 0.4)
    left = contacts & dice.chance(people, 0.125)
    returned = left & dice.chance(people, 0.15)
    joined_at = population.touched_at + 30
    left_at = (
        joined_at
        + DAY // 24
        + (dice.uniform(people) * np.maximum(END - joined_at - 2 * DAY, 0)).astype(int)
    )
    left &= left_at < END
    returned_at = left_at + DAY + dice.whole(people, 0, 60 * DAY)
    returned &= left & (returned_at < END)
    groups = [np.flatnonzero(joined), np.flatnonzero(left), np.flatnonzero(returned)]
    person = np.concatenate(groups)
    kind = np.repeat([0, 1, 2], [len(group) for group in groups])
    at = np.choose(kind, [joined_at[person], left_at[person], returned_at[person]])
    order = np.lexsort((person, at))
    person, kind, at = person[order], kind[order], at[order]
    addresses = [population.email[one] for one in person.tolist()]
    return {
        "recipient": col.text(spell(dice, addresses, 0.08, 0.0)),
        "timestamp": col.time(at),
        "change": col.label(["SUBSCRIBED", "UNSUBSCRIBED"], (kind == 1).astype(np.int64)),
        "email_subscription_id": col.label(["101", "102"], person % 7 // 6),
        "_fivetran_synced": col.time(synced(at)),
    }

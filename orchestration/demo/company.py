"""Who exists and what they go through: people, accounts, hidden states and when they change.

A unit is what pays: an account with its people, or a single person. Each unit walks through
hidden states week by week. Everything the five systems show (events, invoices, tickets, scores)
is drawn from the state of the week, so segments built from the raw tables find something real.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.demo.columns import Flags, Floats, Ints
from orchestration.demo.dice import Dice
from orchestration.demo.names import COMPANY_FIRST, COMPANY_SECOND, FIRST, LAST

DAY = 86_400
WEEK = 7 * DAY
START = 1_735_689_600  # 2025-01-01 00:00:00 UTC
DAYS = 546
WEEKS = 78
MONTHS = 18
END = START + DAYS * DAY  # 2026-07-01 00:00:00 UTC; nothing happens at or after it
LAST_SYNC = END - 1_800
TRIAL = 14 * DAY
ROLLOUT_EMPLOYEES = 1_200
ROLLOUT_SEATS = 600

CHUNK = 20_000  # people generated at once; part of the output's identity, so it is a constant
ROOM = 10_000_000  # ids set aside for a chunk, in every table

TRYING, ACTIVATED, GROWING, AT_RISK, CHURNED, RETURNING = range(6)
STATES = ["trying", "activated", "growing", "at_risk", "churned", "returning"]
NOT_YET = 6
STATE_LETTERS = "tagrcb-"

# Chance of next week's state given this week's, from the third week on.
TRANSITIONS = np.array(
    [
        #  try  act    grow   risk   churn  return
        [0.00, 1.000, 0.000, 0.000, 0.000, 0.00],
        [0.00, 0.880, 0.060, 0.055, 0.005, 0.00],
        [0.00, 0.045, 0.915, 0.038, 0.002, 0.00],
        [0.00, 0.070, 0.010, 0.820, 0.100, 0.00],
        [0.00, 0.000, 0.000, 0.000, 0.980, 0.02],
        [0.00, 0.300, 0.080, 0.020, 0.080, 0.52],
    ]
)

JOBS = ["plan_projects", "send_invoices", "track_time", "report_to_clients"]
NEEDS = ["save_time", "get_paid_faster", "look_professional", "collaborate", "control_costs"]

# code, name, share, currency, UTC offset in hours, time zone, language, locale, city, region
COUNTRIES: list[tuple[str, str, float, str, int, str, str, str, str, str]] = [
    ("US", "United States", 26, "USD", -5, "America/New_York", "en", "en-US", "Boston", "MA"),
    ("US", "United States", 12, "USD", -8, "America/Los_Angeles", "en", "en-US", "Portland", "OR"),
    ("GB", "United Kingdom", 12, "GBP", 0, "Europe/London", "en-gb", "en-GB", "Leeds", ""),
    ("DE", "Germany", 10, "EUR", 1, "Europe/Berlin", "de", "de-DE", "Leipzig", ""),
    ("FR", "France", 7, "EUR", 1, "Europe/Paris", "fr", "fr-FR", "Lyon", ""),
    ("NL", "Netherlands", 5, "EUR", 1, "Europe/Amsterdam", "nl", "nl-NL", "Utrecht", ""),
    ("ES", "Spain", 4, "EUR", 1, "Europe/Madrid", "es", "es-ES", "Valencia", ""),
    ("JP", "Japan", 7, "JPY", 9, "Asia/Tokyo", "ja", "ja-JP", "Osaka", ""),
    ("CA", "Canada", 6, "USD", -5, "America/Toronto", "en", "en-CA", "Ottawa", "ON"),
    ("AU", "Australia", 5, "USD", 10, "Australia/Sydney", "en", "en-AU", "Sydney", "NSW"),
    ("BR", "Brazil", 3, "USD", -3, "America/Sao_Paulo", "pt-br", "pt-BR", "Recife", "PE"),
    ("IN", "India", 3, "USD", 5, "Asia/Kolkata", "en", "en-IN", "Pune", "MH"),
]
CURRENCIES = ["USD", "EUR", "GBP", "JPY"]
CURRENCY_OF_COUNTRY = np.array([CURRENCIES.index(row[3]) for row in COUNTRIES], dtype=np.int64)
SINGLE_DOMAINS = ["mailbox.example", "postbox.example", "inkmail.example"]
TEST_DOMAINS = ["example.com", "tallyworks.test"]


@dataclass(frozen=True)
class Population:
    """One chunk of people: arrays by person, by account or by unit; times in seconds, -1 never.

    Units are numbered accounts first, then single people.
    """

    chunk: int
    people: int
    accounts: int
    units: int
    # by person
    number: Ints
    account: Ints
    unit: Ints
    country: Ints
    touched_at: Ints
    signed_up_at: Ints
    is_test: Flags
    is_billing_only: Flags
    has_contact: Flags
    has_duplicate_contact: Flags
    hides_email: Flags
    is_in_trouble: Flags
    engagement: Floats
    job: Ints
    need: Ints
    first_name: Ints
    last_name: Ints
    email: list[str]
    other_email: list[str]
    # by account
    account_name: list[str]
    account_domain: list[str]
    account_created_at: Ints
    employees: Ints
    # by unit
    payer: Ints
    started_at: Ints
    converts: Flags
    churned_at: Ints
    returned_at: Ints
    churned_again_at: Ints
    state: npt.NDArray[np.int8]
    is_account: Flags
    is_rollout: Flags  # a large company that has just begun, with seats for everybody

    def base(self) -> int:
        """First id of this chunk, in any table."""
        return self.chunk * ROOM

    def signed_up(self) -> Flags:
        """People who have a login in the product."""
        return (self.signed_up_at >= 0) & ~self.is_billing_only

    def state_at(self, unit: Ints, seconds: Ints) -> Ints:
        """Hidden state of units at instants within the data."""
        week = np.clip((seconds - START) // WEEK, 0, WEEKS - 1)
        return self.state[unit, week].astype(np.int64)

    def states_by_month(self) -> npt.NDArray[np.int8]:
        """Hidden state of each person at the end of each month; NOT_YET before sign-up."""
        ends = month_starts()[1:] - 1
        weeks = np.minimum((ends - START) // WEEK, WEEKS - 1)
        states = self.state[self.unit][:, weeks]
        before = (self.signed_up_at[:, None] > ends[None, :]) | (self.signed_up_at[:, None] < 0)
        return np.where(before, np.int8(NOT_YET), states).astype(np.int8)


def month_starts() -> Ints:
    """The 19 instants at which the 18 months begin and end."""
    months = np.arange("2025-01", "2026-08", dtype="datetime64[M]")
    return months.astype("datetime64[s]").astype(np.int64)


def populate(seed: int, chunk: int, people: int) -> Population:
    """Everyone of a chunk, with their hidden states. The same arguments give the same people."""
    dice = Dice(seed, chunk, 0)
    account = _accounts_of_people(dice, people)
    accounts = int(account.max()) + 1
    is_single = account < 0
    singles = int(is_single.sum())
    units = accounts + singles
    unit = account.copy()
    unit[is_single] = accounts + np.arange(singles)

    unit_country = dice.pick(units, [row[2] for row in COUNTRIES])
    unit_touched = START + (dice.uniform(units) ** 0.85 * (DAYS * DAY - 7_200)).astype(np.int64)
    first_of_unit = np.zeros(people, dtype=bool)
    first_of_unit[np.unique(unit, return_index=True)[1]] = True
    spread = np.where(first_of_unit, 0.0, dice.uniform(people) ** 2.5)
    room = END - 3_600 - unit_touched[unit]
    touched_at = unit_touched[unit] + (spread * room).astype(np.int64)

    adopts = dice.chance(units, np.where(np.arange(units) < accounts, 0.72, 0.64))
    is_test = is_single & dice.chance(people, 0.028)
    signs_up = adopts[unit] & (is_single | first_of_unit | dice.chance(people, 0.80))
    signs_up |= is_test
    delay = 900 + dice.exponential(people, 8 * DAY).astype(np.int64)
    signed_up_at = np.where(signs_up, touched_at + delay, -1)
    signed_up_at[signed_up_at >= END - 3_600] = -1
    is_billing_only = is_single & ~is_test & (signed_up_at >= 0) & dice.chance(people, 0.008)

    payer, started_at = _payers(unit, units, signed_up_at)
    converts = dice.chance(units, np.where(np.arange(units) < accounts, 0.72, 0.62))
    converts |= _any_by_unit(is_billing_only, unit, units)
    state, churned_at, returned_at, churned_again_at = _walk(dice, started_at, converts)

    has_contact = ~is_billing_only & dice.chance(people, np.where(signed_up_at >= 0, 0.955, 1.0))
    has_contact &= ~is_test | dice.chance(people, 0.5)
    has_duplicate = has_contact & ~is_test & dice.chance(people, 0.022)
    # A contact known by phone or badge alone; nothing else may then show the address.
    hides_email = has_contact & ~has_duplicate & (signed_up_at < 0) & dice.chance(people, 0.02)
    employees = _employees(dice, np.bincount(account[~is_single], minlength=accounts))
    is_rollout = np.zeros(units, dtype=bool)
    is_rollout[_last_to_start(started_at[:accounts])] = True
    employees[is_rollout[:accounts]] = ROLLOUT_EMPLOYEES
    account_name, account_domain = _account_names(chunk, accounts)
    number = chunk * CHUNK + 1 + np.arange(people, dtype=np.int64)
    first_name, last_name = _names(dice, account, people)
    email, other_email = _emails(number, account, is_test, first_name, last_name, account_domain)

    return Population(
        chunk=chunk,
        people=people,
        accounts=accounts,
        units=units,
        number=number,
        account=account,
        unit=unit,
        country=unit_country[unit],
        touched_at=touched_at,
        signed_up_at=signed_up_at,
        is_test=is_test,
        is_billing_only=is_billing_only,
        has_contact=has_contact,
        has_duplicate_contact=has_duplicate,
        hides_email=hides_email,
        is_in_trouble=dice.chance(people, 0.15),
        engagement=_engagement(dice, people),
        job=dice.pick(people, [0.34, 0.27, 0.22, 0.17]),
        need=dice.pick(people, [0.3, 0.22, 0.16, 0.18, 0.14]),
        first_name=first_name,
        last_name=last_name,
        email=email,
        other_email=other_email,
        account_name=account_name,
        account_domain=account_domain,
        account_created_at=unit_touched[:accounts],
        employees=employees,
        payer=payer,
        started_at=started_at,
        converts=converts,
        churned_at=churned_at,
        returned_at=returned_at,
        churned_again_at=churned_again_at,
        state=state,
        is_account=np.arange(units) < accounts,
        is_rollout=is_rollout,
    )


def _accounts_of_people(dice: Dice, people: int) -> Ints:
    """Account of each person, -1 for single people: half of them, spread among the others."""
    in_teams = int(people * 0.53)
    sizes = np.minimum(1 + dice.exponential(in_teams + 1, 5.6).astype(np.int64), 40)
    sizes[:2] = [40, 33]
    ends = np.cumsum(sizes)
    member_of = np.searchsorted(ends, np.arange(in_teams), side="right")
    account = np.full(people, -1, dtype=np.int64)
    seats = np.sort(np.argsort(dice.uniform(people), kind="stable")[:in_teams])
    account[seats] = member_of
    return account


def _payers(unit: Ints, units: int, signed_up_at: Ints) -> tuple[Ints, Ints]:
    """Who pays for each unit (the first of it to sign up) and when that was; -1 for nobody."""
    joined = np.flatnonzero(signed_up_at >= 0)
    joined = joined[np.lexsort((signed_up_at[joined], unit[joined]))]
    found, first = np.unique(unit[joined], return_index=True)
    payer = np.full(units, -1, dtype=np.int64)
    payer[found] = joined[first]
    return payer, np.where(payer >= 0, signed_up_at[payer], -1)


def _any_by_unit(flags: Flags, unit: Ints, units: int) -> Flags:
    found: Flags = np.bincount(unit[flags], minlength=units) > 0
    return found


def _walk(
    dice: Dice, started_at: Ints, converts: Flags
) -> tuple[npt.NDArray[np.int8], Ints, Ints, Ints]:
    """Weekly states of each unit, and when it churned, came back, and churned again (-1 never)."""
    units = len(started_at)
    state = np.full((units, WEEKS), NOT_YET, dtype=np.int8)
    started = started_at >= 0
    first_week = np.where(started, (started_at - START) // WEEK, WEEKS)
    quick = dice.chance(units, 0.5) & converts
    current = np.full(units, NOT_YET, dtype=np.int64)
    churned_at = np.full(units, -1, dtype=np.int64)
    returned_at = churned_at.copy()
    churned_again_at = churned_at.copy()
    in_trial = started_at + 3 * DAY + (dice.uniform(units) * (TRIAL - 3 * DAY)).astype(np.int64)
    churned_at[started & ~converts] = in_trial[started & ~converts]
    for week in range(WEEKS):
        instant = START + week * WEEK + dice.whole(units, 0, WEEK - 1)
        age = week - first_week
        old = current.copy()
        following = dice.pick_by_row(TRANSITIONS, np.minimum(old, 5))
        current = np.where(age == 0, TRYING, current)
        current = np.where((age == 1) & quick, ACTIVATED, current)
        current = np.where(age == 2, np.where(converts, ACTIVATED, CHURNED), current)
        current = np.where(age > 2, following, current)
        # Nobody comes back within a month of leaving, nor a second time.
        back = (current == RETURNING) & (old == CHURNED)
        refused = back & ((returned_at >= 0) | (churned_at < 0) | (instant - churned_at < 4 * WEEK))
        current = np.where(refused, CHURNED, current)
        returned_at = np.where(back & ~refused, instant, returned_at)
        left = (current == CHURNED) & (old != CHURNED) & (age > 2)
        first_time = left & (churned_at < 0)
        again = left & (returned_at >= 0) & (churned_again_at < 0)
        churned_at = np.where(
            first_time, np.maximum(instant, started_at + TRIAL + 2 * DAY), churned_at
        )
        churned_again_at = np.where(
            again, np.maximum(instant, returned_at + 2 * DAY), churned_again_at
        )
        state[:, week] = np.where(age >= 0, current, NOT_YET)
    for times in (churned_at, returned_at, churned_again_at):
        times[times >= END - 3_600] = -1
    return state, churned_at, returned_at, churned_again_at


def _employees(dice: Dice, members: Ints) -> Ints:
    """Head count of each account, at least its people here; every band occurs."""
    lows = np.array([1, 11, 51, 201, 501, 1_001])
    highs = np.array([10, 50, 200, 500, 1_000, 4_000])
    band = dice.pick(len(members), [0.34, 0.36, 0.21, 0.09])
    band[: max(2, len(members) // 100)] = 4
    band[1 : max(2, len(members) // 100) : 2] = 5
    drawn: Ints = lows[band] + (dice.uniform(len(members)) * (highs - lows + 1)[band]).astype(
        np.int64
    )
    counted: Ints = np.maximum(drawn, members)
    return counted


def _last_to_start(started_at: Ints) -> Ints:
    """The account that started last, if one did."""
    return np.flatnonzero((started_at >= 0) & (started_at == started_at.max()))[:1]


def _account_names(chunk: int, accounts: int) -> tuple[list[str], list[str]]:
    """Two-word names, each once; a number follows when the words run out."""
    pairs = len(COMPANY_FIRST) * len(COMPANY_SECOND)
    names: list[str] = []
    domains: list[str] = []
    for local in range(accounts):
        serial = chunk * CHUNK + local
        spot = serial % pairs * 1_237 % pairs
        first = COMPANY_FIRST[spot // len(COMPANY_SECOND)]
        second = COMPANY_SECOND[spot % len(COMPANY_SECOND)]
        suffix = str(serial // pairs + 1) if serial >= pairs else ""
        names.append(f"{first} {second} {suffix}".strip().title())
        domains.append(f"{first}{second}{suffix}.example")
    return names, domains


def _names(dice: Dice, account: Ints, people: int) -> tuple[Ints, Ints]:
    """First and last names; first names differ within an account, so that its e-mails do."""
    first = dice.whole(people, 0, len(FIRST) - 1)
    in_team = np.flatnonzero(account >= 0)
    groups, start = np.unique(account[in_team], return_index=True)
    rank = np.arange(len(in_team)) - start[np.searchsorted(groups, account[in_team])]
    first[in_team] = (account[in_team] * 11 + rank) % len(FIRST)
    return first, dice.whole(people, 0, len(LAST) - 1)


def _emails(
    number: Ints,
    account: Ints,
    is_test: Flags,
    first_name: Ints,
    last_name: Ints,
    domains: list[str],
) -> tuple[list[str], list[str]]:
    """The main address of each person, and another one that only one system may know."""
    email: list[str] = []
    other: list[str] = []
    for serial, group, test, first, last in zip(
        number.tolist(),
        account.tolist(),
        is_test.tolist(),
        first_name.tolist(),
        last_name.tolist(),
        strict=True,
    ):
        given, family = FIRST[first].lower(), LAST[last].lower()
        if test:
            email.append(f"qa{serial}@{TEST_DOMAINS[serial % 2]}")
            other.append(f"qa{serial}b@{TEST_DOMAINS[serial % 2]}")
        elif group >= 0:
            email.append(f"{given}.{family}@{domains[group]}")
            other.append(f"{given[0]}{family}{serial}@{SINGLE_DOMAINS[serial % 3]}")
        else:
            email.append(f"{given}.{family}{serial}@{SINGLE_DOMAINS[serial % 3]}")
            other.append(f"{given}{serial}@{SINGLE_DOMAINS[(serial + 1) % 3]}")
    return email, other


def spell(dice: Dice, emails: list[str], upper: float, spaced: float) -> list[str]:
    """The same addresses as another system wrote them: capitals or spaces around some of them."""
    how = dice.pick(len(emails), [1 - upper - spaced, upper * 0.6, upper * 0.4, spaced]).tolist()
    written: list[str] = []
    for address, way in zip(emails, how, strict=True):
        local, _, domain = address.partition("@")
        if way == 1:
            written.append(f"{local.title()}@{domain}")
        elif way == 2:
            written.append(address.upper())
        elif way == 3:
            written.append(f" {address}  ")
        else:
            written.append(address)
    return written


def synced(seconds: Ints) -> Ints:
    """When the loader copied a row that last changed then: at the next full hour."""
    return np.minimum((seconds // 3_600 + 1) * 3_600, LAST_SYNC)


def _engagement(dice: Dice, people: int) -> Floats:
    """How much more or less than usual somebody uses the product: a quarter does most of it."""
    heavy = dice.chance(people, 0.36)
    return np.where(heavy, 1.0, 0.07) + 0.15 * dice.uniform(people)

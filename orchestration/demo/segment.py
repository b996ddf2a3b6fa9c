"""Product events as Segment lands them: tracks, pages and identifies.

The last 60 days are complete; older days are a sample of whole days, thin enough to meet the
number of events for each person that was asked for. Sign-ups, trials, checkouts, upgrades and
cancellations are always there.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from orchestration.demo import columns as col
from orchestration.demo.columns import Flags, Floats, Ints, Table
from orchestration.demo.company import (
    AT_RISK,
    COUNTRIES,
    DAY,
    DAYS,
    END,
    JOBS,
    NOT_YET,
    START,
    TRYING,
    WEEKS,
    Population,
    spell,
)
from orchestration.demo.dice import Dice
from orchestration.demo.stripe import Billing

RECENT_DAYS = 60
PAGE_CHANCE = 0.14  # of a page view in a session in the product

EVENTS = [
    "project_created", "task_completed", "invoice_sent", "report_exported", "dashboard_viewed",
    "teammate_invited", "integration_connected", "api_key_created", "template_used",
    "time_logged", "automation_created", "import_failed", "sync_failed",
    "signed_up", "trial_started", "checkout_started", "checkout_completed", "plan_upgraded",
    "cancel_clicked",
]  # fmt: skip
ORDINARY = 13
SIGNED_UP, TRIAL_STARTED, CHECKOUT_STARTED, CHECKOUT_COMPLETED, PLAN_UPGRADED, CANCEL_CLICKED = (
    range(ORDINARY, 19)
)
IMPORT_FAILED = EVENTS.index("import_failed")
PROJECT_CREATED = EVENTS.index("project_created")
TEXTS = [name.replace("_", " ").title() for name in EVENTS]

# Weights of the ordinary events by state: trying, activated, growing, at risk, churned, returning.
MIX = np.array(
    [
        #  proj task inv  rep  dash team intg key  tmpl time auto impf syncf
        [8.0, 9.0, 3.0, 1.0, 7.0, 2.0, 1.0, 0.2, 5.0, 4.0, 0.3, 2.0, 0.3],
        [4.0, 22.0, 7.0, 3.0, 12.0, 1.0, 0.7, 0.2, 2.0, 9.0, 0.8, 0.5, 0.4],
        [5.0, 26.0, 10.0, 6.0, 12.0, 3.0, 2.0, 1.0, 2.0, 12.0, 2.5, 0.3, 0.4],
        [1.0, 7.0, 2.0, 4.0, 9.0, 0.1, 0.2, 0.1, 0.4, 3.0, 0.1, 3.0, 3.0],
        [0.1, 1.0, 0.3, 5.0, 8.0, 0.1, 0.1, 0.1, 0.1, 0.5, 0.1, 0.3, 0.3],
        [3.0, 12.0, 4.0, 2.0, 12.0, 1.0, 0.5, 0.2, 3.0, 6.0, 0.5, 1.0, 0.5],
    ]
)
# What people came for is what they do: plan projects, send invoices, track time, report.
JOB_FACTOR = np.ones((len(JOBS), ORDINARY))
JOB_FACTOR[0, [0, 1]] = 1.8
JOB_FACTOR[1, 2] = 4.0
JOB_FACTOR[2, 9] = 3.0
JOB_FACTOR[3, [3, 4]] = [4.0, 1.6]

ACTIVE_DAY = np.array([0.55, 0.30, 0.90, 0.09, 0.004, 0.40, 0.0])
SECOND_SESSION = 0.1  # chance on an active day
MORE_EVENTS = np.array([1.7, 0.35, 0.5, 0.5, 0.1, 0.9, 0.0])

DEVICES = ["desktop", "mobile", "tablet"]
# device, operating system, browser, app
KITS: list[tuple[str, str, str | None, str | None, float]] = [
    ("desktop", "Windows", "Chrome", None, 30),
    ("desktop", "macOS", "Safari", None, 16),
    ("desktop", "macOS", "Chrome", None, 12),
    ("desktop", "Windows", "Edge", None, 9),
    ("desktop", "Linux", "Firefox", None, 5),
    ("mobile", "iOS", None, "Tallyworks iOS", 12),
    ("mobile", "Android", None, "Tallyworks Android", 10),
    ("mobile", "iOS", "Safari", None, 3),
    ("tablet", "iPadOS", "Safari", None, 3),
]
MOBILE_KITS = np.array([5, 6, 7, 8], dtype=np.int64)

PAGES = [
    ("Home", "/"), ("Pricing", "/pricing"), ("Features", "/features"), ("Blog", "/blog/invoicing"),
    ("Sign up", "/signup"), ("Docs", "/docs/import"), ("Dashboard", "/app"),
    ("Billing", "/app/billing"), ("Reports", "/app/reports"), ("Cancel", "/app/billing/cancel"),
]  # fmt: skip
REFERRERS = [None, "https://search.example/", "https://news.example/", "https://social.example/"]


@dataclass
class _Rows:
    """Event rows before ids: person -1 is a visitor nobody knows; `device` is 0 or 1."""

    person: list[Ints] = field(default_factory=list)
    device: list[Ints] = field(default_factory=list)
    at: list[Ints] = field(default_factory=list)
    what: list[Ints] = field(default_factory=list)

    def add(self, person: Ints, device: Ints, at: Ints, what: Ints) -> None:
        self.person.append(person)
        self.device.append(device)
        self.at.append(at)
        self.what.append(what)

    def joined(self) -> tuple[Ints, Ints, Ints, Ints]:
        return (
            np.concatenate(self.person),
            np.concatenate(self.device),
            np.concatenate(self.at),
            np.concatenate(self.what),
        )


@dataclass(frozen=True)
class Events:
    """The tables, and which anonymous ids an identify call ties to which person."""

    tables: dict[str, Table]
    tied_person: Ints
    tied_anonymous: Ints
    shared_anonymous: Ints


def track(population: Population, billing: Billing, seed: int, per_person: float) -> Events:
    """About `per_person` events for each person of the chunk, on average."""
    dice = Dice(seed, population.chunk, 2)
    return _Tracker(population, billing, dice).events(per_person)


class _Tracker:
    def __init__(self, population: Population, billing: Billing, dice: Dice) -> None:
        self._population = population
        self._billing = billing
        self._dice = dice
        people = population.people
        self._users = np.flatnonzero(population.signed_up())
        kits = dice.pick(people, [kit[4] for kit in KITS])
        second = MOBILE_KITS[dice.whole(people, 0, 3)]
        self._has_second = dice.chance(people, 0.2)
        self._kits = np.stack([kits, second], axis=1)
        self._sharing = self._family_computers()

    def events(self, per_person: float) -> Events:
        """All three tables."""
        tracks, pages, identifies = _Rows(), _Rows(), _Rows()
        self._browsing(pages)
        self._life(tracks, identifies)
        fixed = sum(len(part) for rows in (tracks, pages, identifies) for part in rows.at)
        budget = max(per_person * self._population.people - fixed, 0.0)
        self._usage(tracks, pages, budget)
        self._second_devices(tracks, pages, identifies)
        tied = identifies.joined()
        tables = {
            "tracks": self._tracks(*tracks.joined()),
            "pages": self._pages(*pages.joined()),
            "identifies": self._identifies(*tied),
        }
        pairs = np.unique(np.stack([tied[0], self._anonymous(tied[0], tied[1])], axis=1), axis=0)
        return Events(tables, pairs[:, 0], pairs[:, 1], self._shared_ids())

    # who uses which device

    def _family_computers(self) -> Ints:
        """For each person, whose first anonymous id they use: their own, but for a few."""
        population = self._population
        owner = np.arange(population.people)
        ordinary = (population.account < 0) & ~population.is_test & population.signed_up()
        singles = np.flatnonzero(ordinary)
        pairs = min(max(1, population.people // 2_000), len(singles) // 2)
        for pair in range(pairs):
            host, guest = singles[2 * pair], singles[2 * pair + 1]
            owner[guest] = host
            self._kits[guest, 0] = self._kits[host, 0]
        return owner

    def _shared_ids(self) -> Ints:
        guests = np.flatnonzero(self._sharing != np.arange(len(self._sharing)))
        return self._population.base() + 2 * self._sharing[guests] + 1

    def _anonymous(self, person: Ints, device: Ints) -> Ints:
        """Number of the anonymous id; a visitor nobody knows is numbered below -1."""
        own = 2 * np.where(device == 0, self._sharing[np.maximum(person, 0)], person) + device + 1
        strangers = 2 * self._population.people - person
        return self._population.base() + np.where(person >= 0, own, strangers)

    # rows

    def _browsing(self, pages: _Rows) -> None:
        """Anonymous visits: of people before they sign up, and of strangers who never do."""
        population, dice = self._population, self._dice
        before = self._users[dice.chance(len(self._users), 0.5)]
        visits = before[
            np.repeat(np.arange(len(before)), 1 + dice.poisson(np.full(len(before), 0.5)))
        ]
        touched = population.touched_at[visits]
        at = dice.between(touched, population.signed_up_at[visits] - 60)
        strangers = -2 - np.arange(population.people // 8)
        strange_at = START + (dice.uniform(len(strangers)) ** 0.7 * (DAYS * DAY - 7_200)).astype(
            np.int64
        )
        visitor = np.concatenate([visits, strangers])
        at = np.concatenate([at, strange_at])
        count = 1 + dice.poisson(np.full(len(visitor), 0.6))
        row = np.repeat(np.arange(len(visitor)), count)
        step = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        at = at[row] + step * dice.whole(len(row), 15, 50)
        what = dice.pick(len(row), [30, 24, 14, 18, 8, 6])
        known = visitor[row] >= 0
        limit = np.where(known, population.signed_up_at[np.maximum(visitor[row], 0)], END)
        kept = at < limit
        none = np.zeros(int(kept.sum()), dtype=np.int64)
        pages.add(visitor[row][kept], none, at[kept], what[kept])

    def _life(self, tracks: _Rows, identifies: _Rows) -> None:
        """Sign-up, trial, checkout, upgrade and cancellation: once each, whatever the density."""
        population, billing, dice = self._population, self._billing, self._dice
        users = self._users
        signed = population.signed_up_at[users]

        def add(rows: _Rows, person: Ints, at: Ints, what: int) -> None:
            shown = (at >= population.signed_up_at[person]) & (at < END) & (at > 0)
            shown &= ~population.is_billing_only[person]
            none = np.zeros(int(shown.sum()), dtype=np.int64)
            rows.add(person[shown], none, at[shown], none + what)

        add(identifies, users, signed + 1, 0)
        again = users[dice.chance(len(users), 0.12)]
        later = population.signed_up_at[again] + DAY + dice.whole(len(again), 0, 60 * DAY)
        left = population.churned_at[population.unit[again]]
        back = again[(left < 0) | (later < left)]
        add(identifies, back, later[(left < 0) | (later < left)], 0)
        add(tracks, users, signed + 2, SIGNED_UP)

        payer = population.payer
        trial = np.flatnonzero(billing.trial_at >= 0)
        add(tracks, payer[trial], billing.trial_at[trial], TRIAL_STARTED)
        paid = np.flatnonzero(billing.paid_from >= 0)
        bought_at = billing.paid_from[paid] - dice.whole(len(paid), 3_600, 6 * DAY)
        add(tracks, payer[paid], bought_at - dice.whole(len(paid), 60, 900), CHECKOUT_STARTED)
        add(tracks, payer[paid], bought_at, CHECKOUT_COMPLETED)
        lapsed = trial[~population.converts[trial]]
        lapsed = lapsed[dice.chance(len(lapsed), 0.3)]
        gave_up_at = billing.trial_at[lapsed] + dice.whole(len(lapsed), DAY // 2, 3 * DAY)
        add(tracks, payer[lapsed], gave_up_at, CHECKOUT_STARTED)
        add(tracks, payer[billing.upgrade_unit], billing.upgrade_at, PLAN_UPGRADED)
        for times in (population.churned_at, population.churned_again_at):
            left_units = np.flatnonzero((times >= 0) & billing.has_customer)
            left_units = left_units[dice.chance(len(left_units), 0.6)]
            add(tracks, payer[left_units], times[left_units] - 120, CANCEL_CLICKED)
        risky = np.flatnonzero((population.state[:, WEEKS - 1] == AT_RISK) & billing.is_paying)
        risky = risky[dice.chance(len(risky), 0.3)]
        recently = END - dice.whole(len(risky), DAY, 20 * DAY)
        add(tracks, payer[risky], recently, CANCEL_CLICKED)
        active = np.flatnonzero(population.converts[population.unit[users]])
        first_steps = users[active][dice.chance(len(active), 0.8)]
        soon = population.signed_up_at[first_steps] + dice.whole(len(first_steps), 300, 2 * DAY)
        add(tracks, first_steps, soon, PROJECT_CREATED)

    def _usage(self, tracks: _Rows, pages: _Rows, budget: float) -> None:
        """Sessions in the product: days drawn from the state, thinned to meet the budget."""
        population, dice, users = self._population, self._dice, self._users
        rate, share_recent, share_old, boost = self._rates(budget)
        on_day = np.arange(DAYS)
        keep = np.where(on_day >= DAYS - RECENT_DAYS, share_recent, share_old)
        keep = keep * np.where((on_day + 2) % 7 >= 5, 0.35, 1.0)  # 2025-01-01 was a Wednesday
        chance = rate[:, on_day // 7] * keep.astype(np.float32)
        user, day = np.nonzero(dice.matrix(len(users), DAYS) < chance)
        twice = dice.chance(len(user), SECOND_SESSION)
        row = np.repeat(np.arange(len(user)), 1 + twice.astype(np.int64))
        person, day = users[user[row]], day[row].astype(np.int64)
        offset = np.array([country[4] for country in COUNTRIES], dtype=np.int64)
        local = 8 * 3_600 + (dice.uniform(len(person)) * 11 * 3_600).astype(np.int64)
        opened = START + day * DAY + local - offset[population.country[person]] * 3_600
        unit = population.unit[person]
        state = population.state_at(unit, np.clip(START + day * DAY, START, END - 1))
        state = np.where(state == NOT_YET, TRYING, state)
        device = (self._has_second[person] & dice.chance(len(person), 0.35)).astype(np.int64)

        viewed = np.flatnonzero(dice.chance(len(person), PAGE_CHANCE * min(boost, 3.0)))
        seen = dice.pick_by_row(_page_mix(), state[viewed])
        page_at = opened[viewed] - 20
        shown = (page_at > population.signed_up_at[person[viewed]] + 60) & (page_at < END)
        viewed, seen = viewed[shown], seen[shown]
        pages.add(person[viewed], device[viewed], opened[viewed] - 20, seen)

        mean = (1 + MORE_EVENTS[state]) * boost - 1
        count = 1 + dice.poisson(np.minimum(mean, 40.0))
        event = np.repeat(np.arange(len(person)), count)
        gap = 5 + dice.exponential(len(event), 170.0).astype(np.int64)
        total = np.cumsum(gap)
        first = np.cumsum(count) - count
        gap_before = np.repeat(total[first] if len(first) else total[:0], count)
        at = opened[event] + total - gap_before
        mix = (MIX[:, None, :] * JOB_FACTOR[None, :, :]).reshape(-1, ORDINARY)
        what = dice.pick_by_row(mix, state[event] * len(JOBS) + population.job[person[event]])
        stuck = population.is_in_trouble[person] & np.isin(state, [TRYING, AT_RISK])
        what[stuck[event] & dice.chance(len(event), 0.5)] = IMPORT_FAILED
        kept = (at > population.signed_up_at[person[event]] + 60) & (at < END)
        event, at, what = event[kept], at[kept], what[kept]
        tracks.add(person[event], device[event], at, what)

    def _rates(self, budget: float) -> tuple[npt.NDArray[np.float32], float, float, float]:
        """Chance of an active day by user and week; shares of days kept; growth of sessions."""
        population, users = self._population, self._users
        state = population.state[population.unit[users]].astype(np.int64)
        trouble = population.is_in_trouble[users][:, None] & (state == AT_RISK)
        rate = ACTIVE_DAY[state] * population.engagement[users][:, None]
        rate = np.where(trouble, 0.16, rate)  # they try again and again, whoever they are
        first_day = (population.signed_up_at[users] - START) // DAY
        weeks = np.arange(WEEKS)[None, :]
        rate = np.where(weeks < (first_day // 7)[:, None], 0.0, np.minimum(rate, 0.95))
        # a week is 5 working days and 2 quiet ones
        week_of = (
            rate * (1 + MORE_EVENTS[state] + PAGE_CHANCE) * (1 + SECOND_SESSION) * (5 + 2 * 0.35)
        )
        recent_from = WEEKS - RECENT_DAYS / 7
        weight = np.clip(np.arange(WEEKS) + 1 - recent_from, 0.0, 1.0)
        recent = float((week_of * weight).sum())
        old = float((week_of * (1 - weight)).sum())
        share_recent = min(1.0, 0.88 * budget / max(recent, 1.0))
        share_old = min(1.0, max(budget - share_recent * recent, 0.0) / max(old, 1.0))
        boost = max(1.0, budget / max(share_recent * recent + share_old * old, 1.0))
        return rate.astype(np.float32), share_recent, share_old, boost

    def _second_devices(self, tracks: _Rows, pages: _Rows, identifies: _Rows) -> None:
        """The first thing on another device is a login, which ties its anonymous id."""
        first = np.full(self._population.people, END, dtype=np.int64)
        for rows in (tracks, pages):
            person, device, at, _ = rows.joined()
            used = (device == 1) & (person >= 0)
            np.minimum.at(first, person[used], at[used])
        person = np.flatnonzero(first < END)
        identifies.add(
            person,
            np.ones(len(person), dtype=np.int64),
            first[person] - 3,
            np.zeros(len(person), dtype=np.int64),
        )

    # tables

    def _received(self, at: Ints) -> Ints:
        """Seconds after it happened; hours to days for the late ones."""
        dice = self._dice
        soon = dice.whole(len(at), 1, 9)
        late = dice.whole(len(at), 2 * 3_600, 5 * DAY)
        return at + np.where(dice.chance(len(at), 0.015), late, soon)

    def _ordered(self, at: Ints) -> tuple[Ints, Ints]:
        """Order of arrival of what arrived before the end, and the times of arrival."""
        received = self._received(at)
        order = np.lexsort((at, received))
        order = order[received[order] < END]
        return order, received[order]

    def _context(self, person: Ints, device: Ints) -> dict[str, col.Column]:
        kit = self._kits[np.maximum(person, 0), device]
        strange = person < 0
        kit = np.where(strange, -person % 5, kit)
        return {
            "context_device_type": col.label([one[0] for one in KITS], kit),
            "context_os_name": col.label([one[1] for one in KITS], kit),
            "context_browser": col.label([one[2] for one in KITS], kit),
        }

    def _ids(
        self, person: Ints, device: Ints, named: Flags, traced: Flags
    ) -> dict[str, col.Column]:
        number = self._population.number[np.maximum(person, 0)]
        return {
            "user_id": col.key("u", number, named),
            "anonymous_id": col.key("a", self._anonymous(person, device), traced),
        }

    def _numbered(self, prefix: str, rows: int) -> col.Column:
        return col.key(prefix, self._population.base() + np.arange(rows, dtype=np.int64) + 1)

    def _repeated(self, table: Table, share: float) -> Table:
        """Delivered twice, word for word: the same row again right after itself."""
        rows = len(table["id"].data)
        copies = 1 + self._dice.chance(rows, share).astype(np.int64)
        return col.take(table, np.repeat(np.arange(rows), copies))

    def _tracks(self, person: Ints, device: Ints, at: Ints, what: Ints) -> Table:
        dice, population = self._dice, self._population
        order, received = self._ordered(at)
        person, device, at, what = person[order], device[order], at[order], what[order]
        rows = len(person)
        life = what >= ORDINARY
        luck = dice.uniform(rows)
        named = (luck > 0.03) | life  # else sent before the library knew the user again
        traced = (luck < 0.92) | life  # else sent by a server
        account = population.account[person]
        in_group = (account >= 0) & (person % 5 > 0) & named
        kit = self._kits[person, device]
        locale = [country[7] for country in COUNTRIES]
        table: Table = {
            "id": self._numbered("e", rows),
            "received_at": col.time(received),
            "timestamp": col.time(at),
            "event": col.label(EVENTS, what),
            "event_text": col.label(TEXTS, what),
            **self._ids(person, device, named, traced),
            **self._context(person, device),
            "context_app_name": col.label([one[3] for one in KITS], kit),
            "context_locale": col.label(locale, population.country[person], person % 4 > 0),
            "context_group_id": col.key("", company_ids(population, account), in_group),
        }
        return self._repeated(table, 0.003)

    def _pages(self, person: Ints, device: Ints, at: Ints, what: Ints) -> Table:
        order, received = self._ordered(at)
        person, device, at, what = person[order], device[order], at[order], what[order]
        rows = len(person)
        signed = self._population.signed_up_at[np.maximum(person, 0)]
        named = (person >= 0) & (at > signed)
        referrer = self._dice.pick(rows, [50, 28, 12, 10])
        referrer = np.where(what >= 6, 0, referrer)
        table: Table = {
            "id": self._numbered("p", rows),
            "received_at": col.time(received),
            "timestamp": col.time(at),
            "name": col.label([page[0] for page in PAGES], what),
            "path": col.label([page[1] for page in PAGES], what),
            "referrer": col.label(REFERRERS, referrer),
            **self._ids(person, device, named, np.ones(rows, dtype=bool)),
            **self._context(person, device),
        }
        return self._repeated(table, 0.002)

    def _identifies(self, person: Ints, device: Ints, at: Ints, what: Ints) -> Table:
        population = self._population
        order = np.lexsort((what, at))
        person, device, at = person[order], device[order], at[order]
        rows = len(person)
        email = spell(self._dice, population.email, 0.1, 0.02)
        every = np.ones(rows, dtype=bool)
        return {
            "id": self._numbered("i", rows),
            "received_at": col.time(np.minimum(at + 1 + person % 4, END - 1)),
            "timestamp": col.time(at),
            **self._ids(person, device, every, every),
            "email": col.label(email, person),
        }


def company_ids(population: Population, account: Ints) -> Ints:
    """HubSpot's number of an account, which the product sends along as the group."""
    return population.base() + 3_001 + account


def _page_mix() -> Floats:
    """Weights of the pages seen inside the product, by state."""
    mix = np.zeros((6, len(PAGES)))
    mix[:, [1, 5, 6, 7, 8]] = [1.0, 2.0, 8.0, 1.0, 3.0]
    mix[0, [1, 5]] = [3.0, 5.0]
    mix[2, 7] = 2.5
    mix[3, [7, 9]] = [3.0, 2.0]
    mix[4, 9] = 1.0
    return mix

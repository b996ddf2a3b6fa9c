"""Who should be published when: June 2026 at the demo company, hour by hour, in plain Python.

Reads the raw rows of the committed demo (Stripe, Segment, HubSpot) and says for each hour who is
known, what they pay and did, who meets which rule, which segments wait and why, and so who enters,
leaves or moves. It shares no code and no SQL with the models; that is its point.

What happens in the month, beside what the demo's people do:

- Merges. 39 customers of Stripe were entered under another address than the person's. Each is a
  customer of its own until its user id is noticed, the next one every 18 hours.
- Two companies turn out to be others': accounts merge.
- A definition changes: champions pay 19 instead of 20. More leave `paying` for it than its bound
  allows, so it waits, and the champions with it, until somebody releases it.
- The tracker is not loaded for 50 hours; then everything that it missed arrives at once.
- For two hours billing lacks the subscription items with odd numbers.
"""

import csv
import gzip
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import pairwise
from statistics import median

from project import PROJECT_DIR

TRUTH = PROJECT_DIR / "tests/data_files/demo_truth.csv.gz"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 6, 1)
HOURS = 720

FIRST_TIE, TIE_EVERY = 10 * HOUR, 18 * HOUR
ACCOUNT_MERGES = {
    datetime(2026, 6, 5, 10): ("3009", "3023"),  # both of them big
    datetime(2026, 6, 25, 15): ("3055", "3001"),  # a big one into a small one
}
REDEFINED_AT = datetime(2026, 6, 12, 14)
RELEASED_AT = REDEFINED_AT + 5 * HOUR
OUTAGE = (datetime(2026, 6, 16, 4), datetime(2026, 6, 18, 6))
STALE_AFTER = 24 * HOUR
ODD_ITEMS_MISSING = (datetime(2026, 6, 22, 9), datetime(2026, 6, 22, 11))

SEGMENTS = (
    "champions", "paying", "active_users", "at_risk_paying", "active_champions", "big_accounts",
)  # fmt: skip
CHAMPION_MRR = {False: Decimal(20), True: Decimal(19)}  # before and after the redefinition
MAX_CHANGE = {
    "paying": Decimal("0.1"),
    "at_risk_paying": Decimal("0.3"),
    "big_accounts": Decimal("0.3"),
}
SMALLEST_BOUNDED_CHANGE = 10
REQUIRE_EVENTS = {"active_users", "at_risk_paying"}
REFERS_TO = {"active_champions": ("champions", "active_users")}
TIERS = ("champions", "paying")


@dataclass(frozen=True)
class Person:
    """Somebody of the demo's hidden truth, with the ids that the systems know them by."""

    name: str
    email: str
    account: str
    contact: str
    user: str
    billing: str


class Raw:
    """The raw rows that the month is about, as text."""

    def __init__(self) -> None:
        with gzip.open(TRUTH, "rt", newline="") as file:
            self.people = [
                Person(
                    row["person"],
                    row["email"],
                    row["account_id"],
                    row["contact_id"],
                    row["user_id"],
                    row["billing_customer_id"],
                )
                for row in csv.DictReader(file)
            ]

    @staticmethod
    def rows(table: str) -> list[dict[str, str]]:
        """A table of the committed demo."""
        with (PROJECT_DIR / "seeds/demo" / f"{table}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def ties(self) -> dict[str, datetime]:
        """When each Stripe customer under another address is tied to its person."""
        addresses = {one.billing: one.email for one in self.people}
        other = [
            row["id"]
            for row in self.rows("stripe__customer")
            if "user_id" in json.loads(row["metadata"])
            and row["email"].strip().lower() != addresses[row["id"]].strip().lower()
        ]
        other.sort(key=lambda name: int(name.removeprefix("cus_")))
        return {name: START + FIRST_TIE + n * TIE_EVERY for n, name in enumerate(other)}


@dataclass
class Stay:
    """One stay, as the history should have it."""

    segment: str
    entity: str
    valid_from: datetime
    entry_reason: str
    entered_at: datetime
    moved_from: str | None = None
    valid_to: datetime | None = None
    exit_reason: str | None = None
    moved_to: str | None = None


@dataclass(frozen=True)
class Judged:
    """What a run should say about one segment."""

    verdict: str
    member_count: int
    published_count: int
    previous_count: int
    entered_count: int
    left_count: int
    moved_in_count: int
    moved_out_count: int


@dataclass
class Known:
    """What is known at one instant."""

    paid: dict[str, Decimal]  # by customer
    account_paid: dict[str, Decimal]
    days: dict[str, set[date]]
    last_seen: dict[str, datetime]
    heirs: dict[str, str]  # who somebody gone is now
    problem: bool  # with the events


@dataclass
class Walk:
    """The month, walked. `judged` is by instant and segment, `published` the members after it."""

    raw: Raw
    stays: list[Stay] = field(default_factory=list)
    judged: dict[tuple[datetime, str], Judged] = field(default_factory=dict)
    published: dict[tuple[datetime, str], frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._people_by_user = {one.user: one for one in self.raw.people if one.user}
        self._read_billing()
        self._read_events()
        self._created_contacts = {
            row["id"]: _time(row["property_createdate"])
            for row in self.raw.rows("hubspot__contact")
            if row["property_createdate"]
        }
        members: dict[str, dict[str, Stay]] = {segment: {} for segment in SEGMENTS}
        versions: dict[str, bool] = {}
        for hour in range(HOURS):
            self._step(START + hour * HOUR, members, versions)

    def _read_billing(self) -> None:
        monthly: dict[str, Decimal] = {}
        for row in self.raw.rows("stripe__price"):
            months = 12 if row["recurring_interval"] == "year" else 1
            price = Decimal(row["unit_amount"]) / 100 / months
            monthly[row["id"]] = price.quantize(Decimal("0.01"), ROUND_HALF_UP)
        self._items: dict[str, tuple[Decimal, bool]] = {}
        for row in self.raw.rows("stripe__subscription_item"):
            # Everybody at the list price in dollars: the month is not about exchange rates.
            price = monthly[row["plan_id"].rpartition("_")[0] + "_usd"]
            is_odd = int(row["id"].removeprefix("si_")) % 2 == 1
            self._items[row["subscription_id"]] = (price * int(row["quantity"]), is_odd)
        self._versions = sorted(
            (_time(row["_fivetran_start"]), row["id"], row["customer_id"], row["status"])
            for row in self.raw.rows("stripe__subscription_history")
        )
        self._status: dict[str, tuple[str, str]] = {}
        self._created_billing = {
            row["id"]: _time(row["created"]) for row in self.raw.rows("stripe__customer")
        }

    def _read_events(self) -> None:
        deliveries: dict[str, tuple[datetime, datetime, str]] = {}
        for row in self.raw.rows("segment__tracks"):
            one = (_time(row["received_at"]), _time(row["timestamp"]), row["user_id"])
            deliveries[row["id"]] = min(one, deliveries.get(row["id"], one))
        begins, ends = OUTAGE
        self._events = sorted(
            (ends if begins <= received < ends else received, occurred, user)
            for received, occurred, user in deliveries.values()
        )
        self._arrivals = [landed for landed, _, _ in self._events]
        self._taken = 0
        self._days: dict[str, set[date]] = defaultdict(set)
        self._last_seen: dict[str, datetime] = {}

    def _known(self, now: datetime) -> Known:
        """Everything as of an instant; instants come in their order."""
        while self._taken < len(self._events) and self._events[self._taken][0] <= now:
            _, occurred, user = self._events[self._taken]
            self._taken += 1
            if user:
                name = self._people_by_user[user].name
                self._days[name].add(occurred.date())
                self._last_seen[name] = max(occurred, self._last_seen.get(name, occurred))
        while self._versions and self._versions[0][0] <= now:
            _, subscription, customer, status = self._versions.pop(0)
            self._status[subscription] = (customer, status)

        spent: dict[str, Decimal] = defaultdict(Decimal)
        for subscription, (customer, status) in self._status.items():
            price, is_odd = self._items[subscription]
            is_missing = is_odd and ODD_ITEMS_MISSING[0] <= now < ODD_ITEMS_MISSING[1]
            if status in ("active", "past_due") and not is_missing:
                spent[customer] += price

        renamed = {gone: kept for at, (gone, kept) in ACCOUNT_MERGES.items() if at <= now}
        paid: dict[str, Decimal] = {}
        account_paid: dict[str, Decimal] = defaultdict(Decimal)
        heirs = dict(renamed)
        for one in self.raw.people:
            has_billing = one.billing != "" and self._created_billing[one.billing] <= now
            is_apart = one.billing in self.raw.ties and now < self.raw.ties[one.billing]
            if has_billing and is_apart:
                paid[one.billing] = spent[one.billing]
            if one.billing in self.raw.ties and not is_apart:
                heirs[one.billing] = one.name
            is_known = (
                (has_billing and not is_apart)
                or self._created_contacts.get(one.contact, now + DAY) <= now
                or one.name in self._last_seen
            )
            if is_known:
                paid[one.name] = Decimal(0) if is_apart else spent[one.billing]
                if one.account:
                    account_paid[renamed.get(one.account, one.account)] += paid[one.name]
        return Known(paid, account_paid, self._days, self._last_seen, heirs, self._has_problem(now))

    def _has_problem(self, now: datetime) -> bool:
        """Whether the events are stale, silent, or fewer than half of what is usual."""
        if OUTAGE[0] <= now < OUTAGE[1] and now - OUTAGE[0] > STALE_AFTER:
            return True
        # Landed so many whole days before the instant: later than the one bound, up to the other.
        bounds = [bisect_right(self._arrivals, now - n * DAY) for n in range(23)]
        counts = [later - earlier for later, earlier in pairwise(bounds)]
        late = [
            bisect_right(self._arrivals, now - n * DAY)
            - bisect_right(self._arrivals, now - n * DAY - 6 * HOUR)
            for n in range(22)
        ]
        usual, usually_late = (
            min(median(each[1:15]), median([each[7], each[14], each[21]]))
            for each in (counts, late)
        )
        if late[0] == 0 and usually_late >= 20:
            return True
        return usual >= 100 and counts[0] < usual / 2

    def _candidates(self, now: datetime, known: Known) -> dict[str, set[str]]:
        limit = CHAMPION_MRR[now >= REDEFINED_AT]
        last_day = (now - timedelta(seconds=1)).date()
        window = {last_day - n * DAY for n in range(7)}
        payers = {name for name, amount in known.paid.items() if amount > 0}
        champions = {name for name in payers if known.paid[name] >= limit}
        active = {name for name in known.paid if known.days.get(name, set()) & window}
        idle = {
            name
            for name in payers
            if name in known.last_seen and now - known.last_seen[name] >= 14 * DAY
        }
        return {
            "champions": champions,
            "paying": payers - champions,
            "active_users": active,
            "at_risk_paying": idle,
            "active_champions": champions & active,
            "big_accounts": {name for name, paid in known.account_paid.items() if paid >= 40},
        }

    def _step(
        self, now: datetime, members: dict[str, dict[str, Stay]], versions: dict[str, bool]
    ) -> None:
        """One refresh: judge every segment, then publish those that pass."""
        known = self._known(now)
        candidates = self._candidates(now, known)
        changes = {
            segment: _Change.between(members[segment], candidates[segment], known.heirs)
            for segment in SEGMENTS
        }
        own = {one for one in SEGMENTS if self._holds_itself(one, now, known, members, changes)}
        held = set(own)
        if any(tier in own and members[tier] for tier in TIERS):
            held |= set(TIERS)
        for segment, others in REFERS_TO.items():
            if any(other in held for other in others):
                held.add(segment)
        for segment in SEGMENTS:
            change, before = changes[segment], members[segment]
            if segment not in held:
                is_new = segment in ("champions", "active_champions") and now >= REDEFINED_AT
                is_redefined = versions.get(segment, is_new) != is_new
                versions[segment] = is_new
                self._publish(now, segment, before, candidates, known, change, is_redefined)
            self.published[now, segment] = frozenset(before)
            self.judged[now, segment] = Judged(
                "hold" if segment in held else "publish",
                len(candidates[segment]),
                len(before),
                change.previous_count,
                len(change.entering) - len(change.moved_in),
                len(change.leaving) - len(change.moved_out),
                len(change.moved_in),
                len(change.moved_out),
            )

    def _holds_itself(
        self,
        segment: str,
        now: datetime,
        known: Known,
        members: dict[str, dict[str, Stay]],
        changes: dict[str, "_Change"],
    ) -> bool:
        if segment == "paying" and now == RELEASED_AT:
            return False
        if known.problem and segment in REQUIRE_EVENTS:
            return True
        change, before = changes[segment], len(members[segment])
        if before + len(change.entering) - len(change.leaving) < 1:
            return True
        moved = len(change.entering) - len(change.moved_in)
        moved += len(change.leaving) - len(change.moved_out)
        bound = MAX_CHANGE.get(segment, Decimal(1)) * before
        return before > 0 and moved > bound and moved > SMALLEST_BOUNDED_CHANGE

    def _publish(
        self,
        now: datetime,
        segment: str,
        members: dict[str, Stay],
        candidates: dict[str, set[str]],
        known: Known,
        change: "_Change",
        is_redefined: bool,
    ) -> None:
        entered_before = {name: stay.entered_at for name, stay in members.items()}
        for name in change.leaving:
            stay = members.pop(name)
            stay.valid_to = now
            stay.moved_to = known.heirs[name] if name in change.moved_out else None
            is_customer_or_account = name in known.paid or name in known.account_paid
            if name in change.moved_out:
                stay.exit_reason = "entity_merged"
            elif is_redefined:
                stay.exit_reason = "definition_changed"
            elif segment == "paying" and name in candidates["champions"]:
                stay.exit_reason = "preempted"
            elif name in known.heirs:
                stay.exit_reason = "entity_merged"
            elif not is_customer_or_account:
                stay.exit_reason = "entity_gone"
            else:
                stay.exit_reason = "condition_no_longer_met"
        for name in change.entering:
            source = change.moved_in.get(name)
            reason = "definition_changed" if is_redefined else "condition_met"
            members[name] = Stay(
                segment,
                name,
                now,
                "entity_merged" if source else reason,
                entered_before[source] if source else now,
                source,
            )
            self.stays.append(members[name])


@dataclass
class _Change:
    """Who would enter and leave a segment, and who of them only moved to another identity."""

    previous_count: int
    entering: set[str]
    leaving: set[str]
    moved_in: dict[str, str]
    moved_out: set[str]

    @classmethod
    def between(cls, before: Iterable[str], after: set[str], heirs: dict[str, str]) -> "_Change":
        members = set(before)
        entering, leaving = after - members, members - after
        moved_out = {name for name in leaving if heirs.get(name) in after}
        moved_in = {heirs[name]: name for name in sorted(moved_out) if heirs[name] in entering}
        return cls(len(members), entering, leaving, moved_in, moved_out)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)

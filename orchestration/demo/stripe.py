"""Billing as Stripe records it: subscriptions with versions, invoices, charges, refunds.

Amounts are in minor units (cents, pence; yen as they are). A subscription is a spell between
starting and leaving: the first one begins with a trial of 14 days, the one after coming back
does not, and a few customers hold a second one at the same time.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.demo import columns as col
from orchestration.demo.columns import Flags, Ints, Table
from orchestration.demo.company import (
    AT_RISK,
    COUNTRIES,
    CURRENCIES,
    CURRENCY_OF_COUNTRY,
    DAY,
    END,
    GROWING,
    ROLLOUT_SEATS,
    TRIAL,
    Population,
    spell,
    synced,
)
from orchestration.demo.dice import Dice
from orchestration.demo.names import FIRST, LAST

HOUR = 3_600
NEVER = 253_402_300_799  # 9999-12-31 23:59:59, the loader's end of the current version
PLANS = ["Solo", "Team", "Business"]
PRICES = np.array(
    [[900, 900, 800, 1_200], [1_900, 1_900, 1_600, 2_600], [4_900, 4_900, 4_200, 6_800]]
)
TAX_PERCENT = np.array([0, 20, 20, 10])
STATUSES = ["trialing", "active", "past_due", "canceled", "unpaid"]
TRIALING, ACTIVE, PAST_DUE, CANCELED, UNPAID, AS_BEFORE = range(6)
INVOICE_STATUSES = ["draft", "open", "paid", "uncollectible", "void"]
DRAFT, OPEN, PAID, UNCOLLECTIBLE, VOID = range(5)
STAYS, AT_PERIOD_END, AT_ONCE, UNPAID_BILLS = range(4)
LOWER_CURRENCIES = [currency.lower() for currency in CURRENCIES]
PLAN_IDS = [
    f"{plan.lower()}_{interval}_{currency}"
    for plan in PLANS
    for interval in ("m", "y")
    for currency in LOWER_CURRENCIES
]


@dataclass(frozen=True)
class Billing:
    """The tables, and what other systems saw of them. Arrays are by unit unless said."""

    tables: dict[str, Table]
    has_customer: Flags
    trial_at: Ints
    paid_from: Ints
    is_paying: Flags
    plan: Ints
    seats: Ints
    # one row for each upgrade
    upgrade_unit: Ints
    upgrade_at: Ints


@dataclass(frozen=True)
class Spells:
    """Subscriptions before they are billed, in order of creation."""

    unit: Ints
    created: Ints
    anchor: Ints
    pays: Flags
    has_trial: Flags
    leaves_at: Ints
    how: Ints
    yearly: Flags
    plan: Ints
    keeps_plan: Flags


@dataclass(frozen=True)
class Periods:
    """Billed periods, ordered by subscription and start; `step` counts from 0, -1 is the trial."""

    spell: Ints
    step: Ints
    start: Ints
    end: Ints
    plan: Ints
    seats: Ints
    added_seats: Ints
    goes_unpaid: Flags


def bill(population: Population, seed: int) -> Billing:
    """Everything in Stripe for a chunk of people."""
    dice = Dice(seed, population.chunk, 1)
    spells = _spells(population, dice)
    periods, ended_at = _periods(population, spells, dice)
    tables, has_customer = _customers(population, spells, dice)
    invoices = _Invoices(population, spells, periods, ended_at, dice)
    tables |= invoices.tables()
    tables["subscription_history"] = _versions(population, spells, periods, ended_at, invoices)
    tables["subscription_item"] = _items(population, spells, periods)
    if population.chunk == 0:
        tables |= _catalogue()
    return _seen_by_others(population, spells, periods, ended_at, tables, has_customer)


def _seen_by_others(
    population: Population,
    spells: Spells,
    periods: Periods,
    ended_at: Ints,
    tables: dict[str, Table],
    has_customer: Flags,
) -> Billing:
    units = population.units
    trial_at = np.full(units, -1, dtype=np.int64)
    trial_at[spells.unit[spells.has_trial]] = spells.created[spells.has_trial]
    paid_from = np.full(units, -1, dtype=np.int64)
    first = spells.has_trial & spells.pays
    paid_from[spells.unit[first]] = spells.anchor[first]
    is_paying = np.zeros(units, dtype=bool)
    is_paying[spells.unit[spells.pays & (ended_at < 0)]] = True
    plan = np.full(units, -1, dtype=np.int64)
    seats = np.ones(units, dtype=np.int64)
    plan[spells.unit[periods.spell]] = periods.plan
    seats[spells.unit[periods.spell]] = periods.seats
    same = periods.spell[1:] == periods.spell[:-1]
    upgraded = np.flatnonzero(same & (periods.plan[1:] > periods.plan[:-1])) + 1
    return Billing(
        tables=tables,
        has_customer=has_customer,
        trial_at=trial_at,
        paid_from=paid_from,
        is_paying=is_paying,
        plan=plan,
        seats=seats,
        upgrade_unit=spells.unit[periods.spell[upgraded]],
        upgrade_at=periods.start[upgraded] - 600,
    )


def _spells(population: Population, dice: Dice) -> Spells:
    started = population.started_at
    units = population.units
    takes_trial = (started >= 0) & dice.chance(units, 0.90)
    first = np.flatnonzero(takes_trial)
    comes_back = takes_trial & (population.returned_at >= 0)
    comes_back &= dice.chance(units, np.where(population.converts, 0.85, 0.5))
    again = np.flatnonzero(comes_back)
    trial_at = started + 300 + dice.whole(units, 0, 3_000)
    second_at = trial_at + TRIAL + (20 + dice.whole(units, 0, 100)) * DAY
    stays_until = np.where(population.churned_at >= 0, population.churned_at, END)
    second = np.flatnonzero(
        takes_trial
        & population.converts
        & (second_at < stays_until - 5 * DAY)
        & dice.chance(units, 0.03)
    )

    unit = np.concatenate([first, again, second])
    kind = np.repeat([0, 1, 2], [len(first), len(again), len(second)])
    rows = len(unit)
    created = np.concatenate([trial_at[first], population.returned_at[again], second_at[second]])
    has_trial = kind == 0
    anchor = np.where(has_trial, created + TRIAL, created)
    pays = np.where(has_trial, population.converts[unit] & (anchor < END), True)
    leaves_at = np.where(kind == 1, population.churned_again_at[unit], population.churned_at[unit])
    yearly = dice.chance(rows, np.choose(kind, [0.26, 0.1, 0.0]))
    how = np.where(dice.chance(rows, 0.3), UNPAID_BILLS, AT_PERIOD_END)
    how = np.where(yearly | (kind == 2), AT_PERIOD_END, how)
    returns = (kind == 0) & comes_back[unit] & (how == AT_PERIOD_END)
    how = np.where(returns | ~pays | (kind == 2), AT_ONCE, how)
    how = np.where(leaves_at < 0, STAYS, how)
    plan = np.where(
        population.is_account[unit],
        1 + dice.pick(rows, [0.72, 0.28]),
        dice.pick(rows, [0.84, 0.16]),
    )
    plan = np.where(kind == 2, 0, plan)
    order = np.lexsort((unit, created))
    return Spells(
        unit=unit[order],
        created=created[order],
        anchor=anchor[order],
        pays=pays[order],
        has_trial=has_trial[order],
        leaves_at=leaves_at[order],
        how=how[order],
        yearly=yearly[order],
        plan=plan[order],
        keeps_plan=(kind == 2)[order],
    )


def add_months(seconds: Ints, months: Ints) -> Ints:
    """The same day and time some months later, or the last day of a shorter month."""
    instants = seconds.astype("datetime64[s]")
    month = instants.astype("datetime64[M]")
    within = instants - month.astype("datetime64[s]")
    target = month + months
    length = (target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")
    day = within.astype("timedelta64[D]")
    clock = within - day.astype("timedelta64[s]")
    days = np.minimum(day, length - np.timedelta64(1, "D"))
    moved = target.astype("datetime64[s]") + days.astype("timedelta64[s]") + clock
    result: Ints = moved.astype(np.int64)
    return result


def _periods(population: Population, spells: Spells, dice: Dice) -> tuple[Periods, Ints]:
    """Billed periods with plan and seats, and when each subscription ended (-1: it has not)."""
    rows = len(spells.unit)
    joined = np.sort(
        (population.unit * (2 * END) + population.signed_up_at)[population.signed_up_at >= 0]
    )

    def members(unit: Ints, seconds: Ints) -> Ints:
        """People of the unit who had signed up by then."""
        up_to = np.searchsorted(joined, unit * (2 * END) + seconds, side="right")
        return up_to - np.searchsorted(joined, unit * (2 * END), side="left")

    is_account = population.is_account[spells.unit]
    plan = spells.plan.copy()
    extra = np.zeros(rows, dtype=np.int64)
    seats = np.where(plan == 0, 1, np.maximum(members(spells.unit, spells.created), 1))
    in_trial = spells.has_trial & (spells.anchor >= END)
    seats = np.where(population.is_rollout[spells.unit] & in_trial, ROLLOUT_SEATS, seats)
    ended_at = np.full(rows, -1, dtype=np.int64)
    left_in_trial = spells.has_trial & ~spells.pays & (spells.leaves_at >= 0)
    ended_at[left_in_trial] = spells.leaves_at[left_in_trial]
    months = np.where(spells.yearly, 12, 1)
    trial = np.flatnonzero(spells.has_trial)
    none = np.zeros(len(trial), dtype=np.int64)
    parts = [
        (
            trial,
            none - 1,
            spells.created[trial],
            spells.anchor[trial],
            plan[trial],
            seats[trial],
            none,
            none > 0,
        )
    ]
    running = spells.pays.copy()
    for step in range(18):
        start = add_months(spells.anchor, step * months)
        running &= start < END
        if not running.any():
            break
        end = add_months(spells.anchor, (step + 1) * months)
        state = population.state_at(spells.unit, start)
        moves = ~spells.keeps_plan & (step > 0)
        chance = dice.uniform(rows)
        up = moves & (state == GROWING) & (chance < 0.09)
        down = moves & (state == AT_RISK) & (chance < 0.14)
        plan = np.where(up, np.minimum(plan + 1, 2), plan)
        plan = np.where(down, np.maximum(plan - 1, is_account.astype(np.int64)), plan)
        luck = dice.uniform(rows)
        extra += np.where((state == GROWING) & (luck < 0.12), dice.whole(rows, 1, 3), 0)
        extra -= np.where((state == AT_RISK) & (luck < 0.25), dice.whole(rows, 1, 2), 0)
        before = seats
        seats = np.maximum(members(spells.unit, start) + np.where(is_account, extra, 0), 1)
        seats = np.where((plan == 0) | spells.keeps_plan, 1, seats)
        last = running & (spells.leaves_at >= 0) & (spells.leaves_at < end)
        unpaid = last & (spells.how == UNPAID_BILLS)
        ended_at = np.where(last & (spells.how == AT_PERIOD_END), end, ended_at)
        ended_at = np.where(last & (spells.how == AT_ONCE), spells.leaves_at, ended_at)
        ended_at = np.where(unpaid, start + 21 * DAY, ended_at)
        here = np.flatnonzero(running)
        added = np.where(step > 0, np.maximum(seats - before, 0), 0)
        parts.append(
            (
                here,
                np.full(len(here), step, dtype=np.int64),
                start[here],
                end[here],
                plan[here],
                seats[here],
                added[here],
                unpaid[here],
            )
        )
        running &= ~last
    # A subscription whose end lies ahead has not ended yet.
    ended_at[ended_at >= END] = -1
    joined_parts = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    order = np.lexsort((joined_parts[2], joined_parts[0]))
    spell_of, step_of, start_of, end_of, plan_of, seats_of, added_of, unpaid_of = (
        part[order] for part in joined_parts
    )
    return (
        Periods(spell_of, step_of, start_of, end_of, plan_of, seats_of, added_of, unpaid_of > 0),
        ended_at,
    )


def _customers(
    population: Population, spells: Spells, dice: Dice
) -> tuple[dict[str, Table], Flags]:
    """One customer for each unit that ever had a subscription, numbered by unit."""
    has_customer = np.zeros(population.units, dtype=bool)
    has_customer[spells.unit] = True
    unit = np.flatnonzero(has_customer)
    person = population.payer[unit]
    rows = len(unit)
    first_at = np.full(population.units, END, dtype=np.int64)
    np.minimum.at(first_at, spells.unit, spells.created)
    created = np.maximum(first_at[unit] - 120, population.signed_up_at[person])

    names_user = dice.chance(rows, 0.9) & ~population.is_billing_only[person]
    uses_other = names_user & dice.chance(rows, 0.07) & ~population.is_test[person]
    people = person.tolist()
    written = spell(dice, [population.email[one] for one in people], 0.16, 0.04)
    other = [population.other_email[one] for one in people]
    numbers = population.number[person].tolist()
    chosen = uses_other.tolist()
    named = names_user.tolist()
    countries = [row[0] for row in COUNTRIES]
    first, last = population.first_name[person].tolist(), population.last_name[person].tolist()
    phones = phone_numbers(population, person, dice.chance(rows, 0.3), in_brackets=True)
    table: Table = {
        "id": col.key("cus_", population.base() + unit + 1),
        "email": col.text([o if c else w for o, w, c in zip(other, written, chosen, strict=True)]),
        "name": col.text([f"{FIRST[a]} {LAST[b]}" for a, b in zip(first, last, strict=True)]),
        "phone": col.text(phones),
        "address_country": col.label(
            countries, population.country[person], dice.chance(rows, 0.93)
        ),
        "currency": col.label(LOWER_CURRENCIES, CURRENCY_OF_COUNTRY[population.country[person]]),
        "created": col.time(created),
        "is_deleted": col.flag(dice.chance(rows, 0.004)),
        "metadata": col.text(
            [f'{{"user_id": "u{n}"}}' if k else "{}" for n, k in zip(numbers, named, strict=True)]
        ),
        "_fivetran_synced": col.time(synced(created)),
    }
    return {"customer": table}, has_customer


def phone_numbers(
    population: Population, person: Ints, known: Flags, *, in_brackets: bool
) -> list[str | None]:
    """Numbers 555-0100 to 555-0199, kept for fiction: one person each, null once they run out."""
    written: list[str | None] = []
    for serial, has_one in zip(population.number[person].tolist(), known.tolist(), strict=True):
        area, line = 201 + serial // 100, 100 + serial % 100
        if not has_one or serial % 9 < 4 or area > 999:
            written.append(None)
        elif in_brackets:
            written.append(f"({area}) 555-0{line}")
        else:
            written.append(f"+1 {area} 555 0{line}")
    return written


def _plan_positions(plan: Ints, yearly: Flags, currency: Ints) -> Ints:
    return plan * 8 + yearly * 4 + currency


class _Invoices:
    """Invoices with their lines, charges, refunds and credit notes."""

    def __init__(
        self, population: Population, spells: Spells, periods: Periods, ended_at: Ints, dice: Dice
    ) -> None:
        self._base = population.base()
        self._spells = spells
        self._dice = dice
        rows = len(periods.spell)
        unit = spells.unit[periods.spell]
        payer = population.payer[unit]
        currency = CURRENCY_OF_COUNTRY[population.country[payer]]
        yearly = spells.yearly[periods.spell]
        is_trial = periods.step < 0
        price = PRICES[periods.plan, currency] * np.where(yearly, 10, 1)
        main = np.where(is_trial, 0, price * periods.seats)
        prorated = (periods.added_seats > 0) & dice.chance(rows, 0.6)
        share = 0.1 + 0.8 * dice.uniform(rows)
        proration = np.where(prorated, np.floor(price * periods.added_seats * share), 0).astype(int)
        state = population.state_at(unit, np.minimum(periods.start, END - 1))
        # Failed payments: most are recovered some days later, those that end a spell never.
        fails = dice.chance(rows, np.where(state == AT_RISK, 0.20, 0.06)) & ~is_trial
        delay = np.where(dice.chance(rows, 0.4), 3 * DAY, 14 * DAY)
        over = np.where(ended_at[periods.spell] >= 0, ended_at[periods.spell], NEVER)
        fails &= periods.start + delay + DAY < over
        fails |= periods.goes_unpaid

        # Voided by hand and written again at once: the void twin has no charge and no meaning.
        twin = np.flatnonzero(dice.chance(rows, 0.006) & ~is_trial)
        draft = np.flatnonzero((periods.end >= END) & ~is_trial & dice.chance(rows, 0.012))
        kind = np.repeat([0, 1, 2], [rows, len(twin), len(draft)])
        source = np.concatenate([np.arange(rows), twin, draft])
        created = periods.start[source] - np.where(kind == 1, 240, 0)
        created = np.where(kind == 2, END - 5 * DAY + source % (4 * DAY), created)
        created = np.maximum(created, periods.start[source] - 240)
        order = np.lexsort((source, created))
        self.source, kind, self.created = source[order], kind[order], created[order]
        self.spell = periods.spell[self.source]
        self.unit = unit[self.source]
        self.payer_email = [population.email[one] for one in payer[self.source].tolist()]
        self.currency = currency[self.source]
        self.main = main[self.source]
        self.proration = np.where(kind == 0, proration[self.source], 0)
        self.subtotal = self.main + self.proration
        self.tax = self.subtotal * TAX_PERCENT[self.currency] // 100
        self.total = self.subtotal + self.tax
        self.fails = fails[self.source] & (kind == 0) & (self.total > 0)
        self.lost = periods.goes_unpaid[self.source] & self.fails
        self.delay = delay[self.source]
        self.paid_at = np.where(self.fails, self.created + self.delay, self.created + HOUR)
        self.paid_at = np.where(self.total == 0, self.created, self.paid_at)
        self.is_ordinary = kind == 0
        paid = self.is_ordinary & ~self.lost & (self.paid_at < END)
        gone = self.lost & (self.created + 21 * DAY < END)
        self.status = np.select(
            [kind == 1, kind == 2, paid, gone], [VOID, DRAFT, PAID, UNCOLLECTIBLE], OPEN
        )
        self.number = self._base + np.arange(len(self.source), dtype=np.int64) + 1
        self._periods = periods
        self._yearly = yearly[self.source]
        self._state = state[self.source]

    def tables(self) -> dict[str, Table]:
        """Invoices, lines, charges, refunds, credit notes."""
        tables = {"invoice": self._invoice(), "invoice_line_item": self._lines()}
        charges, succeeded_row, charge_number = self._charges()
        tables["charge"] = charges
        dice, rows = self._dice, len(succeeded_row)
        luck = dice.uniform(rows)
        risky = self._state[succeeded_row] == AT_RISK
        refunded = np.flatnonzero(luck < np.where(risky, 0.06, 0.012))
        credited = np.flatnonzero((luck > 0.984) & (luck < 1))
        tables["refund"] = self._refunds(succeeded_row[refunded], charge_number[refunded])
        tables["credit_note"] = self._credit_notes(succeeded_row[credited])
        return tables

    def _invoice(self) -> Table:
        periods, rows = self._periods, len(self.source)
        paid = self.status == PAID
        step = periods.step[self.source]
        starts = (step < 0) | ((step == 0) & ~self._spells.has_trial[self.spell])
        reason = np.where(starts, 0, 1)
        settled = np.where(paid, self.paid_at, self.created)
        return {
            "id": col.key("in_", self.number),
            "customer_id": col.key("cus_", self._base + self.unit + 1),
            "subscription_id": col.key("sub_", self._base + self.spell + 1),
            "currency": col.label(LOWER_CURRENCIES, self.currency),
            "subtotal": col.number(self.subtotal),
            "tax": col.number(self.tax),
            "total": col.number(self.total),
            "amount_due": col.number(self.total),
            "amount_paid": col.number(np.where(paid, self.total, 0)),
            "status": col.label(INVOICE_STATUSES, self.status),
            "paid": col.flag(paid),
            "created": col.time(self.created),
            "period_start": col.time(periods.start[self.source]),
            "period_end": col.time(periods.end[self.source]),
            "billing_reason": col.label(["subscription_create", "subscription_cycle"], reason),
            "number": col.key("T", self.number, self.status != DRAFT),
            "is_deleted": col.flag(np.zeros(rows, dtype=bool)),
            "_fivetran_synced": col.time(synced(settled)),
        }

    def _lines(self) -> Table:
        extra = np.flatnonzero(self.proration > 0)
        row = np.concatenate([np.arange(len(self.source)), extra])
        is_proration = np.repeat([False, True], [len(self.source), len(extra)])
        order = np.lexsort((is_proration, row))
        row, is_proration = row[order], is_proration[order]
        periods, source = self._periods, self.source[row]
        plan = periods.plan[source]
        added = periods.added_seats[source]
        start = np.where(is_proration, periods.start[source] - 10 * DAY, periods.start[source])
        trial = periods.step[source] < 0
        says = np.where(trial, 3, plan) + np.where(is_proration, 4, 0)
        words = ["Solo", "Team", "Business", "Trial", "Seats added", "Seats added", "Seats added"]
        return {
            "id": col.key("il_", self._base + np.arange(len(row)) + 1),
            "invoice_id": col.key("in_", self.number[row]),
            "subscription_id": col.key("sub_", self._base + self.spell[row] + 1),
            "subscription_item_id": col.key("si_", self._base + self.spell[row] + 1),
            "plan_id": col.label(
                PLAN_IDS, _plan_positions(plan, self._yearly[row], self.currency[row])
            ),
            "amount": col.number(np.where(is_proration, self.proration[row], self.main[row])),
            "currency": col.label(LOWER_CURRENCIES, self.currency[row]),
            "quantity": col.number(np.where(is_proration, added, periods.seats[source])),
            "proration": col.flag(is_proration),
            "period_start": col.time(start),
            "period_end": col.time(
                np.where(is_proration, periods.start[source], periods.end[source])
            ),
            "type": col.label(["subscription", "invoiceitem"], is_proration.astype(np.int64)),
            "description": col.label(words, says),
        }

    def _charges(self) -> tuple[Table, Ints, Ints]:
        """Attempts to collect; also the invoice row and number of each one that succeeded."""
        paid = np.flatnonzero((self.status == PAID) & (self.total > 0))
        failing = np.flatnonzero(self.fails)
        slow = np.flatnonzero(self.fails & (self.lost | (self.delay > 3 * DAY)))
        lost = np.flatnonzero(self.lost)
        row = np.concatenate([failing, slow, lost, paid])
        at = np.concatenate(
            [
                self.created[failing] + HOUR,
                self.created[slow] + 3 * DAY,
                self.created[lost] + 8 * DAY,
                self.paid_at[paid],
            ]
        )
        failed = np.arange(len(row)) < len(row) - len(paid)
        happened = at < END
        row, at, failed = row[happened], at[happened], failed[happened]
        order = np.lexsort((row, at))
        row, at, failed = row[order], at[order], failed[order]
        number = self._base + np.arange(len(row)) + 1
        codes = ["card_declined", "insufficient_funds", "expired_card"]
        has_receipt = (~failed) & (row % 4 == 0)
        table: Table = {
            "id": col.key("ch_", number),
            "customer_id": col.key("cus_", self._base + self.unit[row] + 1),
            "invoice_id": col.key("in_", self.number[row]),
            "amount": col.number(self.total[row]),
            "currency": col.label(LOWER_CURRENCIES, self.currency[row]),
            "status": col.label(["succeeded", "failed"], failed.astype(np.int64)),
            "paid": col.flag(~failed),
            "failure_code": col.label(codes, self.unit[row] % 3, failed),
            "created": col.time(at),
            "receipt_email": col.label(self.payer_email, row, has_receipt),
        }
        return table, row[~failed], number[~failed]

    def _refunds(self, row: Ints, charge: Ints) -> Table:
        dice, rows = self._dice, len(row)
        created = self.paid_at[row] + HOUR + dice.whole(rows, 0, 20 * DAY)
        kept = created < END
        row, charge, created = row[kept], charge[kept], created[kept]
        rows = len(row)
        full = dice.chance(rows, 0.6)
        share = 0.2 + 0.6 * dice.uniform(rows)
        partial = np.maximum(np.floor(self.total[row] * share), 1).astype(np.int64)
        reasons = ["requested_by_customer", "duplicate"]
        return {
            "id": col.key("re_", self._base + np.arange(rows) + 1),
            "charge_id": col.key("ch_", charge),
            "amount": col.number(np.where(full, self.total[row], partial)),
            "currency": col.label(LOWER_CURRENCIES, self.currency[row]),
            "status": col.label(["succeeded", "failed"], dice.pick(rows, [0.95, 0.05])),
            "reason": col.label(reasons, dice.pick(rows, [0.8, 0.2]), dice.chance(rows, 0.9)),
            "created": col.time(created),
        }

    def _credit_notes(self, row: Ints) -> Table:
        dice, rows = self._dice, len(row)
        created = self.paid_at[row] + HOUR + dice.whole(rows, 0, 15 * DAY)
        kept = created < END
        row, created = row[kept], created[kept]
        rows = len(row)
        share = 0.1 + 0.7 * dice.uniform(rows)
        amount = np.maximum(np.floor(self.total[row] * share), 1).astype(np.int64)
        voided_at = created + DAY
        void = dice.chance(rows, 0.12) & (voided_at < END)
        return {
            "id": col.key("cn_", self._base + np.arange(rows) + 1),
            "invoice_id": col.key("in_", self.number[row]),
            "total": col.number(amount),
            "amount": col.number(amount),
            "currency": col.label(LOWER_CURRENCIES, self.currency[row]),
            "status": col.label(["issued", "void"], void.astype(np.int64)),
            "type": col.constant("post_payment", rows),
            "created": col.time(created),
            "voided_at": col.time(voided_at, void),
        }


def _versions(
    population: Population, spells: Spells, periods: Periods, ended_at: Ints, invoices: _Invoices
) -> Table:
    """One row for each version: every change of status, plus the renewal that is current."""
    base = population.base()
    rows = len(spells.unit)
    every = np.arange(rows)
    trial = every[spells.has_trial]
    active = every[spells.pays]
    scheduled = every[(spells.how == AT_PERIOD_END) & spells.pays]
    renewed = np.flatnonzero(np.append(periods.spell[1:] != periods.spell[:-1], True))
    renewed = renewed[(periods.step[renewed] > 0) & (ended_at[periods.spell[renewed]] < 0)]
    failed = np.flatnonzero(invoices.fails)
    back = np.flatnonzero(invoices.fails & ~invoices.lost)
    ended = every[ended_at >= 0]
    writes_off = (
        (spells.how[ended] == UNPAID_BILLS) & spells.pays[ended] & (spells.unit[ended] % 5 == 0)
    )
    parts: list[tuple[Ints, Ints, Ints]] = [
        (trial, spells.created[trial], np.full(len(trial), TRIALING)),
        (active, spells.anchor[active], np.full(len(active), ACTIVE)),
        (periods.spell[renewed], periods.start[renewed], np.full(len(renewed), AS_BEFORE)),
        (scheduled, spells.leaves_at[scheduled], np.full(len(scheduled), AS_BEFORE)),
        (invoices.spell[failed], invoices.created[failed] + HOUR, np.full(len(failed), PAST_DUE)),
        (invoices.spell[back], invoices.paid_at[back], np.full(len(back), ACTIVE)),
        (ended, ended_at[ended], np.where(writes_off, UNPAID, CANCELED)),
    ]
    spell_of, start, status = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    over = np.where(ended_at[spell_of] >= 0, ended_at[spell_of], NEVER)
    is_last = status >= CANCELED
    is_last &= status != AS_BEFORE
    kept = (start < END) & ((start < over) | is_last)
    rank = np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts])
    spell_of, start, status, rank = spell_of[kept], start[kept], status[kept], rank[kept]
    order = np.lexsort((rank, start, spell_of))
    spell_of, start, status = spell_of[order], start[order], status[order]
    known = np.where(status != AS_BEFORE, np.arange(len(status)), 0)
    status = status[np.maximum.accumulate(known)]
    same_instant = np.append((spell_of[1:] == spell_of[:-1]) & (start[1:] == start[:-1]), False)
    spell_of, start, status = spell_of[~same_instant], start[~same_instant], status[~same_instant]

    current = np.append(spell_of[1:] != spell_of[:-1], True)
    end = np.where(current, NEVER, np.append(start[1:], 0) - 1)
    period = np.searchsorted(
        periods.spell * (2 * END) + periods.start, spell_of * (2 * END) + start, side="right"
    )
    period = np.maximum(period - 1, 0)
    left = spells.leaves_at[spell_of]
    knows = (left >= 0) & (start >= left) & (spells.how[spell_of] == AT_PERIOD_END)
    closed = status == CANCELED
    finished = np.where(ended_at[spell_of] >= 0, ended_at[spell_of], NEVER)
    canceled_at = np.where(knows, left, finished)
    cancel_at = np.where(closed, finished, periods.end[period])
    has_trial = spells.has_trial[spell_of]
    return {
        "id": col.key("sub_", base + spell_of + 1),
        "customer_id": col.key("cus_", base + spells.unit[spell_of] + 1),
        "status": col.label(STATUSES, status),
        "created": col.time(spells.created[spell_of]),
        "start_date": col.time(spells.created[spell_of]),
        "current_period_start": col.time(periods.start[period]),
        "current_period_end": col.time(periods.end[period]),
        "trial_start": col.time(spells.created[spell_of], has_trial),
        "trial_end": col.time(spells.anchor[spell_of], has_trial),
        "cancel_at": col.time(cancel_at, knows),
        "canceled_at": col.time(canceled_at, knows | closed),
        "ended_at": col.time(finished, closed),
        "metadata": col.constant("{}", len(spell_of)),
        "_fivetran_start": col.time(start),
        "_fivetran_end": col.time(end),
        "_fivetran_active": col.flag(current),
        "_fivetran_synced": col.time(synced(start)),
    }


def _items(population: Population, spells: Spells, periods: Periods) -> Table:
    last = np.flatnonzero(np.append(periods.spell[1:] != periods.spell[:-1], True))
    spell_of = periods.spell[last]
    unit = spells.unit[spell_of]
    currency = CURRENCY_OF_COUNTRY[population.country[population.payer[unit]]]
    plan = _plan_positions(periods.plan[last], spells.yearly[spell_of], currency)
    base = population.base()
    return {
        "id": col.key("si_", base + spell_of + 1),
        "subscription_id": col.key("sub_", base + spell_of + 1),
        "plan_id": col.label(PLAN_IDS, plan),
        "quantity": col.number(periods.seats[last]),
        "created": col.time(spells.created[spell_of]),
    }


def _catalogue() -> dict[str, Table]:
    """Products and their prices; a price has a plan of the same id."""
    position = np.arange(len(PLAN_IDS))
    plan, yearly, currency = position // 8, position % 8 // 4, position % 4
    amount = PRICES[plan, currency] * np.where(yearly == 1, 10, 1)
    names = [
        f"{PLANS[one]} {'yearly' if y else 'monthly'}" for one, y in zip(plan, yearly, strict=True)
    ]
    rows = len(PLAN_IDS)
    once = np.ones(rows, dtype=np.int64)
    products = ["prod_solo", "prod_team", "prod_business"]
    three = np.ones(3, dtype=bool)
    return {
        "product": {
            "id": col.text(products),
            "name": col.text(PLANS),
            "active": col.flag(three),
            "is_deleted": col.flag(~three),
        },
        "price": {
            "id": col.text(PLAN_IDS),
            "product_id": col.label(products, plan),
            "unit_amount": col.number(amount),
            "currency": col.label(LOWER_CURRENCIES, currency),
            "recurring_interval": col.label(["month", "year"], yearly),
            "recurring_interval_count": col.number(once),
            "nickname": col.text(names),
            "type": col.constant("recurring", rows),
        },
        "plan": {
            "id": col.text(PLAN_IDS),
            "product_id": col.label(products, plan),
            "amount": col.number(amount),
            "currency": col.label(LOWER_CURRENCIES, currency),
            "interval": col.label(["month", "year"], yearly),
            "interval_count": col.number(once),
            "nickname": col.text(names),
        },
    }

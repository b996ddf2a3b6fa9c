"""People who become known bit by bit, stepped through time: who is one customer, and which.

After every step the partition of a warehouse that was refreshed step by step equals the
one of a warehouse that sees the sources for the first time, and the one computed here by
merging sets in Python. Only the names of the customers depend on what came before.
"""

import random
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.dbt import Dbt

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
START = datetime(2026, 1, 1)
SOURCES = {
    "crm": "generic",
    "billing": "generic",
    "events": "generic",
    "support": "none",
    "survey": "none",
}
SEEDS = [
    "country_regions",
    "exchange_rates",
    "calling_codes",
    "shared_identifiers",
    "test_accounts",
]
# What the sources do not feed and the adapters' views are built once, as of an instant after all.
STAGING = ["+int_identity__identifiers,path:models/staging", "+int_country_names"]
MODELS = [
    "path:models/identity",
    "path:models/staging/events",
    "stg_crm__contacts",
    "stg_crm__merges",
    "stg_billing__customers",
    "int_events__actors",
]
TABLES = {
    "contacts": "contact_id varchar, user_id varchar, email varchar, phone varchar, "
    "country varchar, created_at timestamp, is_test boolean",
    "customers": "billing_customer_id varchar, contact_id varchar, user_id varchar, "
    "email varchar, created_at timestamp",
    "events": "event_id varchar, occurred_at timestamp, event_name varchar, user_id varchar, "
    "anonymous_id varchar, email varchar",
    "merges": "object varchar, merged_id varchar, surviving_id varchar, merged_at timestamp",
    # Always empty, but the list of rejected rows wants to look at them.
    "invoices": "invoice_id varchar, billing_customer_id varchar, amount double, "
    "issued_at timestamp",
    "payments": "payment_id varchar, billing_customer_id varchar, amount double, "
    "attempted_at timestamp",
    "refunds": "refund_id varchar, billing_customer_id varchar, amount double, "
    "refunded_at timestamp",
    "subscriptions": "subscription_id varchar, billing_customer_id varchar, mrr double, "
    "started_at timestamp",
    "subscription_changes": "subscription_id varchar, changed_at timestamp, mrr double",
}
MAX_SIZE = 40

Partition = frozenset[frozenset[str]]


class DisjointSets:
    """Nodes that may be joined; the plainest way to find who belongs together."""

    def __init__(self) -> None:
        self.sets: dict[str, set[str]] = {}

    def join(self, nodes: list[str]) -> None:
        joined = set(nodes).union(*(self.sets.get(node, set()) for node in nodes))
        for node in joined:
            self.sets[node] = joined

    def partition(self) -> set[frozenset[str]]:
        return {frozenset(nodes) for nodes in self.sets.values()}


def land(path: Path, rows: Mapping[str, Iterable[dict[str, Any]]]) -> None:
    """Writes the raw tables as a loader would."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema if not exists raw_generic")
        for table, columns in TABLES.items():
            connection.execute(f"create or replace table raw_generic.{table} ({columns})")
            names = [column.split()[0] for column in columns.split(", ")]
            values = [[row.get(name) for name in names] for row in rows.get(table, [])]
            if values:
                marks = ", ".join("?" for _ in names)
                connection.executemany(f"insert into raw_generic.{table} values ({marks})", values)


def rows_of(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(sql).fetchall()


@dataclass
class World:
    """What the sources hold, and a warehouse that is refreshed as it changes."""

    folder: Path
    dbt: Dbt
    patch: pytest.MonkeyPatch
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    merges: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    today: datetime = START

    def contact(self, contact_id: str, **columns: Any) -> None:
        given = {"contact_id": contact_id, "created_at": self.today, "country": "DE"}
        self.contacts[contact_id] = given | columns

    def bill(self, billing_customer_id: str, **columns: Any) -> None:
        given = {"billing_customer_id": billing_customer_id, "created_at": self.today}
        self.customers[billing_customer_id] = given | columns

    def event(self, **columns: Any) -> None:
        event_id = f"e{len(self.events)}"
        given = {"event_id": event_id, "occurred_at": self.today}
        self.events[event_id] = given | {"event_name": "seen"} | columns

    def merge(self, merged_id: str, surviving_id: str, **columns: Any) -> None:
        given = {"object": "contact", "merged_id": merged_id, "surviving_id": surviving_id}
        self.merges.append(given | {"merged_at": self.today} | columns)

    def build(self, path: Path) -> None:
        rows = {
            "contacts": self.contacts.values(),
            "customers": self.customers.values(),
            "events": self.events.values(),
            "merges": self.merges,
        }
        land(path, rows)
        self.patch.setenv("STRATA_DUCKDB_PATH", str(path))
        self.dbt.run(
            "run",
            select=MODELS,
            as_of=self.today.isoformat(),
            run_id=f"run of {self.today:%d %B}",
            identity={"max_component_size": MAX_SIZE} | self.settings,
        )

    @property
    def warehouse(self) -> Path:
        return self.folder / "stepped" / "strata.duckdb"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return rows_of(self.warehouse, sql)

    def assignments(self, path: Path | None = None) -> list[tuple[Any, ...]]:
        """All that is remembered of who was whose customer."""
        sql = "select * from identity.identity_assignments order by all"
        return rows_of(path or self.warehouse, sql)

    def refresh(self) -> None:
        """Refreshes the warehouse, and compares it with a new one and with plain sets."""
        self.build(self.warehouse)
        self.compare()

    def compare(self) -> None:
        new = self.folder / "new" / "strata.duckdb"
        shutil.copy(self.folder / "seeded" / "strata.duckdb", new)
        self.build(new)
        stepped, first = partition(self.warehouse), partition(new)
        assert stepped == first
        assert stepped == self.expected()
        assert components(self.warehouse) == components(new)
        [(overlaps,)] = self.rows(
            "select count(*) from identity.identity_assignments as a "
            "inner join identity.identity_assignments as b on a.node = b.node "
            "and a.assignment_id < b.assignment_id and a.valid_from < coalesce(b.valid_to, "
            "timestamp '9999-01-01') and b.valid_from < coalesce(a.valid_to, "
            "timestamp '9999-01-01')"
        )
        assert overlaps == 0

    def next_day(self) -> None:
        self.today += DAY

    def of(self, node: str) -> str | None:
        """The customer of an identifier."""
        kind, value = node.split(":", 1)
        found = self.rows(
            "select customer_id from identity.customer_identifiers "
            f"where identifier_type = '{kind}' and identifier_value = '{value}'"
        )
        return found[0][0] if found else None

    def changes(self) -> list[tuple[Any, ...]]:
        """The merges and splits of the day: change, from, to, reason."""
        return self.rows(
            "select change, from_customer_id, to_customer_id, reason "
            "from identity.identity_changes "
            f"where changed_at = timestamp '{self.today}' order by all"
        )

    def expected(self) -> Partition:
        """The partition by the documented rules, worked out one record at a time."""
        records = []
        for row in self.contacts.values():
            records.append(nodes_of(row) | {f"contact_id:{row['contact_id']}"})
        for row in self.customers.values():
            records.append(nodes_of(row))
        for row in self.events.values():
            records.append(nodes_of(row))
        targets = {
            row["merged_id"]: row["surviving_id"]
            for row in sorted(self.merges, key=lambda row: row["merged_at"])
            if row["object"] == "contact"
        }
        for merged in targets:
            at, seen = merged, {merged}
            while at in targets and targets[at] not in seen:
                at = targets[at]
                seen.add(at)
            if at not in targets:
                records.append({f"contact_id:{merged}", f"contact_id:{at}"})
        distrusted = self.distrusted(records)
        records = [record - distrusted for record in records]
        records = self.taken_apart(records)
        sets = DisjointSets()
        for record in records:
            sets.join(sorted(record))
        return frozenset(
            nodes
            for nodes in sets.partition()
            if any(not node.startswith("anonymous_id:") for node in nodes)
        )

    @staticmethod
    def distrusted(records: list[set[str]]) -> set[str]:
        beside: dict[str, set[str]] = {}
        for record in records:
            for node in record:
                beside.setdefault(node, set()).update(record - {node})
        bad = set()
        for node, others in beside.items():
            kinds = Counter(other.split(":")[0] for other in others)
            if node.startswith(("email:info@", "email:sales@")):
                bad.add(node)
            if node.startswith("anonymous_id:"):
                if kinds["user_id"] > 1 or (kinds["email"] > 1 and not kinds["user_id"]):
                    bad.add(node)
            elif node.startswith(("phone:", "email:")) and (
                kinds["contact_id"] > 5
                or kinds["user_id"] > 5
                or (node.startswith("phone:") and kinds["email"] > 1)
            ):
                bad.add(node)
        return bad

    @staticmethod
    def taken_apart(records: list[set[str]]) -> list[set[str]]:
        """Too large a set gives up the weak identifiers that hold several people's ids."""
        sets = DisjointSets()
        for record in records:
            sets.join(sorted(record))
        beside: dict[str, set[str]] = {}
        for record in records:
            for node in record:
                beside.setdefault(node, set()).update(record - {node})
        glue = set()
        for nodes in sets.partition():
            if sum(not node.startswith("anonymous_id:") for node in nodes) > MAX_SIZE:
                for node in nodes:
                    kinds = Counter(other.split(":")[0] for other in beside[node])
                    if (
                        node.split(":")[0] in {"email", "phone", "anonymous_id"}
                        and max(kinds[kind] for kind in STRONG) > 1
                    ):
                        glue.add(node)
        return [record - glue for record in records]


STRONG = ["contact_id", "billing_customer_id", "user_id", "email"]


def nodes_of(row: dict[str, Any]) -> set[str]:
    """The identifiers of a row, as the documentation says they are compared."""
    nodes = set()
    for kind in ("contact_id", "billing_customer_id", "user_id", "anonymous_id"):
        if row.get(kind):
            nodes.add(f"{kind}:{row[kind]}")
    if row.get("email"):
        nodes.add(f"email:{row['email'].strip().lower()}")
    if row.get("phone"):
        digits = re.sub(r"[^0-9+]", "", row["phone"])
        nodes.add("phone:" + re.sub("^0", "+49", digits))
    return nodes


def partition(path: Path) -> Partition:
    rows = rows_of(
        path,
        "select list(distinct identifier_type || ':' || identifier_value) "
        "from identity.customer_identity_map group by customer_id",
    )
    return frozenset(frozenset(nodes) for (nodes,) in rows)


def components(path: Path) -> list[tuple[Any, ...]]:
    return rows_of(
        path, "select node, component from identity.int_identity__components order by all"
    )


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Dbt]]:
    folder = tmp_path_factory.mktemp("identity")
    settings = {"demo_data": False, "strata_sources": SOURCES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRATA_DUCKDB_PATH", str(folder / "strata.duckdb"))
        patch.setenv("DBT_TARGET_PATH", str(folder / "target"))
        patch.setenv("DBT_LOG_PATH", str(folder / "logs"))
        # Nobody reads what dbt would write down about each of the many runs.
        patch.setenv("DBT_WRITE_JSON", "false")
        patch.setenv("DBT_LOG_LEVEL_FILE", "none")
        dbt = Dbt(target="duckdb", variables=settings)
        land(folder / "strata.duckdb", {})
        dbt.run(
            "build",
            select=[*SEEDS, *STAGING],
            exclude=["resource_type:test", "path:models/staging/events"],
            as_of="2030-01-01",
        )
        with duckdb.connect(str(folder / "strata.duckdb")) as connection:
            connection.execute("checkpoint")
        yield folder / "strata.duckdb", dbt


@pytest.fixture
def world(tmp_path: Path, seeded: tuple[Path, Dbt], monkeypatch: pytest.MonkeyPatch) -> World:
    file, dbt = seeded
    # A DuckDB database is called as its file: the parsed project wants the same name.
    for folder in ("seeded", "stepped", "new", "never_wrong"):
        (tmp_path / folder).mkdir()
        shutil.copy(file, tmp_path / folder)
    return World(tmp_path, dbt, monkeypatch)


def test_a_customer_keeps_its_id_through_all_that_becomes_known(world: World) -> None:
    # A visitor, a contact, a billing customer: nothing ties them yet.
    world.event(anonymous_id="browser")
    world.contact("ann", email="Ann@shop.test")
    world.contact("bob", email="bob@shop.test", phone="030 901820")
    world.contact("eve", email="eve@shop.test")
    world.bill("pays", email="pay@shop.test")
    world.refresh()
    ann, bob, pays = (
        world.of("contact_id:ann"), world.of("contact_id:bob"), world.of("billing_customer_id:pays")
    )  # fmt: skip
    assert len({ann, bob, pays}) == 3
    assert world.of("anonymous_id:browser") is None

    # The visitor signs in; an identifier that is older than the customer appears.
    world.next_day()
    world.event(anonymous_id="browser", user_id="u1", email="ann@shop.test")
    world.bill("early", email="ann@shop.test", created_at=START - 30 * DAY)
    world.refresh()
    assert world.of("anonymous_id:browser") == world.of("user_id:u1") == ann
    assert world.of("billing_customer_id:early") == ann
    assert world.changes() == []

    # The billing system learns whose contact its customer is: two customers become one.
    world.next_day()
    world.customers["pays"]["contact_id"] = "ann"
    world.refresh()
    older = min((ann, pays), key=lambda one: (one != world.of("contact_id:ann"), one))
    ceased = pays if older == ann else ann
    assert world.of("billing_customer_id:pays") == world.of("contact_id:ann") == older
    assert world.changes() == [
        (
            "merged", ceased, older,
            "billing_customer:pays holds "
            + ("billing_customer_id:pays and contact_id:ann" if ceased == pays else
               "contact_id:ann and billing_customer_id:pays"),
        )
    ]  # fmt: skip

    # It was a mistake: the part that had another name before has it again.
    world.next_day()
    world.customers["pays"]["contact_id"] = None
    world.refresh()
    assert world.of("contact_id:ann") == ann
    assert world.of("billing_customer_id:pays") == pays
    [(change, source, to, reason)] = world.changes()
    assert (change, source, to) == ("split", older, ceased)
    assert reason == "a record that held identifiers of both parts was changed or deleted"

    # A family shares a number, which must not make them one person.
    world.next_day()
    world.contacts["eve"]["phone"] = "+49 30 901 820"
    world.refresh()
    assert world.of("contact_id:bob") == bob != world.of("contact_id:eve")
    assert world.of("phone:+4930901820") is None
    [(reason,)] = world.rows("select reason from identity.identity_quarantine")
    assert "2 e-mail addresses" in reason
    assert world.rows(
        "select end_reason from identity.identity_assignments where node = 'phone:+4930901820'"
    ) == [("quarantined",)]

    # A contact is deleted: its customer lives on in what else is known of it.
    world.next_day()
    del world.contacts["ann"]
    world.refresh()
    assert world.of("contact_id:ann") is None
    assert world.of("user_id:u1") == world.of("billing_customer_id:early") == ann

    # The last name-giving identifier is long gone, and a replay changes nothing.
    before = world.assignments()
    world.build(world.warehouse)
    assert world.assignments() == before


def test_merged_contacts_are_one_person_and_a_loop_of_merges_is_rejected(world: World) -> None:
    for name in "abcdefgh":
        world.contact(name, email=f"{name}@shop.test")
    world.build(world.warehouse)
    first = {name: world.of(f"contact_id:{name}") for name in "abcdefgh"}

    world.next_day()
    world.merge("a", "b")
    world.merge("b", "c")
    world.merge("gone", "h")
    world.merge("d", "e")
    world.merge("e", "f")
    world.merge("f", "d")
    world.merge("a1", "g", object="account")
    world.refresh()
    assert len({world.of(f"contact_id:{name}") for name in "abc"}) == 1
    assert world.of("contact_id:gone") == first["h"]
    assert [world.of(f"contact_id:{name}") for name in "defg"] == [first[name] for name in "defg"]
    assert world.rows(
        "select object, merged_id, surviving_id from identity.int_identity__merges order by all"
    ) == [("account", "a1", "g"), ("contact", "a", "c"), ("contact", "b", "c"),
          ("contact", "gone", "h")]  # fmt: skip
    assert [change for change, *_ in world.changes()] == ["merged", "merged"]
    assert {reason for *_, reason in world.changes()} <= {
        f"merge:{one} holds contact_id:{x} and contact_id:{y}"
        for one in "ab" for x in "abc" for y in "abc"
    }  # fmt: skip

    # Of two targets the latest counts: "a" leaves the two that it was merged with.
    world.next_day()
    world.merge("a", "g")
    world.refresh()
    assert world.of("contact_id:a") == world.of("contact_id:g") != world.of("contact_id:b")
    world.patch.setenv("STRATA_DUCKDB_PATH", str(world.warehouse))
    world.dbt.run("run", select=["+rejected_rows"], as_of=world.today.isoformat())
    assert world.rows(
        "select row_key, reason from operations.rejected_rows where entity = 'merges' order by 1"
    ) == [(name, "the merges of this contact lead in a loop") for name in "def"]


def test_a_replay_over_corrected_rows_leaves_what_a_first_run_would_have(world: World) -> None:
    never_wrong = world.folder / "never_wrong" / "strata.duckdb"
    world.contact("ann", email="ann@shop.test", user_id="u1")
    world.contact("bob", email="bob@shop.test")
    world.build(world.warehouse)
    world.build(never_wrong)
    kept = world.assignments()
    world.next_day()
    world.bill("wrong", email="bob@shop.test", user_id="u1")
    world.build(world.warehouse)
    assert [change for change, *_ in world.changes()] == ["merged"]
    world.customers["wrong"]["user_id"] = None
    world.refresh()
    world.build(never_wrong)
    assert world.assignments() == world.assignments(never_wrong)
    assert set(kept) <= set(world.assignments())
    assert world.changes() == []


def test_a_customer_that_grew_too_large_is_taken_apart(world: World) -> None:
    for number in range(30):
        world.contact(f"c{number}", email=f"c{number}@shop.test")
    world.build(world.warehouse)
    before = {number: world.of(f"contact_id:c{number}") for number in range(30)}
    world.next_day()
    # A chain through the product's users, each of whom two addresses are named for.
    for number in range(30):
        world.event(user_id=f"u{number}", email=f"c{number}@shop.test")
        world.event(user_id=f"u{number}", email=f"c{number + 1}@shop.test")
    world.contact("info", email="info@shop.test", user_id="desk")
    world.bill("shop", email="Info@shop.test")
    world.refresh()
    assert {number: world.of(f"contact_id:c{number}") for number in range(30)} == before
    assert world.of("email:info@shop.test") is None
    assert world.of("user_id:desk") != world.of("billing_customer_id:shop")
    reasons = world.rows(
        "select reason, count(*) from identity.identity_quarantine group by all order by all"
    )
    assert [count for _, count in reasons] == [29, 1]
    assert "more than 40" in reasons[0][0]


def test_a_proposed_match_counts_only_from_the_threshold_that_a_person_set(world: World) -> None:
    for name in "abcd":
        world.contact(name, email=f"{name}@shop.test")
    world.build(world.warehouse)
    with duckdb.connect(str(world.warehouse)) as connection:
        connection.execute(
            "insert into identity.proposed_edges (contact_id_a, contact_id_b, score) "
            "values ('a', 'b', 0.995), ('c', 'd', 0.98)"
        )
    first = {name: world.of(f"contact_id:{name}") for name in "abcd"}
    steps: list[tuple[dict[str, Any], bool]] = [
        ({"probabilistic": True}, False),
        ({"match_threshold": 0.99}, False),
        ({"probabilistic": True, "match_threshold": 0.99}, True),
    ]
    for settings, joined in steps:
        world.next_day()
        world.settings = settings
        world.build(world.warehouse)
        assert (world.of("contact_id:a") == world.of("contact_id:b")) is joined
        assert world.of("contact_id:c") == first["c"] != world.of("contact_id:d")
    [(_, _, _, reason)] = world.changes()
    assert reason == "match:a and b holds contact_id:a and contact_id:b"


def test_random_sources_step_by_step(world: World) -> None:
    dice = random.Random(7)
    yesterday: dict[str, str] = {}
    for _ in range(4):
        for _ in range(25):
            number = dice.randrange(60)
            if dice.random() < 0.5:
                world.contact(
                    f"c{number}",
                    email=f"p{dice.randrange(80)}@shop.test" if dice.random() < 0.8 else None,
                    phone=f"0301234{dice.randrange(400):04}" if dice.random() < 0.3 else None,
                    user_id=f"u{number}" if dice.random() < 0.3 else None,
                )
            elif dice.random() < 0.5:
                world.bill(f"b{number}", email=f"p{dice.randrange(80)}@shop.test")
            else:
                world.event(
                    anonymous_id=f"a{dice.randrange(60)}",
                    user_id=f"u{number}" if dice.random() < 0.5 else None,
                )
        for name in dice.sample(sorted(world.contacts), 3):
            del world.contacts[name]
        world.merge(f"c{dice.randrange(60)}", f"c{dice.randrange(60)}x")
        world.refresh()
        # Whoever is called otherwise than the day before was merged, split or moved.
        now = world.rows(
            "select node, customer_id, start_reason "
            "from identity.identity_assignments where valid_to is null"
        )
        assert {
            reason for node, customer, reason in now if yesterday.get(node, customer) != customer
        } <= {"merged", "split", "moved"}
        yesterday = {node: customer for node, customer, _ in now}
        [(strays,)] = world.rows(
            "select count(*) from identity.identity_changes as changes "
            "where change = 'merged' and exists ("
            "select 1 from identity.customer_identifiers as now "
            "where now.customer_id = changes.from_customer_id) "
            f"and changed_at = timestamp '{world.today}'"
        )
        assert strays == 0
        world.next_day()

"""The demo company's raw tables: reproducible, consistent, dirty on purpose, shaped by states."""

import gzip
import hashlib
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration.demo import write
from orchestration.demo.generate import Order, generate, main, make
from orchestration.errors import UsageError

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds" / "demo"
TRUTH = ROOT / "tests" / "data_files" / "demo_truth.csv.gz"
WINDOW = ("2025-01-01 00:00:00", "2026-06-30 23:59:59")
ADDRESS = "lower(trim({}))"


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo generated now, with its truth beside it."""
    folder = tmp_path_factory.mktemp("demo")
    generate(out=folder / "csv", truth_file=folder / "truth.csv.gz")
    return folder


@pytest.fixture(scope="module")
def db() -> duckdb.DuckDBPyConnection:
    """The committed files as tables, typed as the seeds' properties say; the truth as `truth`."""
    connection = duckdb.connect()
    properties = yaml.safe_load((SEEDS / "_demo__seeds.yml").read_text())
    for seed in properties["seeds"]:
        types = str(seed["config"]["column_types"])
        path = SEEDS / f"{seed['name']}.csv"
        connection.execute(
            f"create table {seed['name']} as"
            f" from read_csv('{path}', header = true, columns = {types})"
        )
    connection.execute(f"create table truth as from read_csv('{TRUTH}', all_varchar = true)")
    connection.execute(
        "create view person_email as select person, email from truth union"
        " select person, other_emails from truth where other_emails is not null"
    )
    return connection


def value(db: duckdb.DuckDBPyConnection, sql: str) -> float:
    """The only cell of a query's only row."""
    row = db.execute(sql).fetchone()
    assert row is not None
    return float(row[0])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# Same seed, same bytes


def test_committed_files_are_what_the_generator_makes(remade: Path) -> None:
    made = {path.name: digest(path) for path in (remade / "csv").glob("*.csv")}
    assert made == {path.name: digest(path) for path in SEEDS.glob("*.csv")}


def test_committed_truth_is_what_the_generator_tells(remade: Path) -> None:
    # Unpacked, since another zlib may pack the same text differently.
    told = gzip.decompress((remade / "truth.csv.gz").read_bytes())
    assert told == gzip.decompress(TRUTH.read_bytes())


def test_same_size_twice_gives_the_same_parquet(tmp_path: Path) -> None:
    for attempt in ("one", "two"):
        generate(
            300, tmp_path / attempt, file_format="parquet", truth_file=tmp_path / f"{attempt}.gz"
        )
    first = {path.relative_to(tmp_path / "one") for path in tmp_path.glob("one/*/*.parquet")}
    assert len(first) == 31
    for part in first:
        assert digest(tmp_path / "one" / part) == digest(tmp_path / "two" / part)
    assert digest(tmp_path / "one.gz") == digest(tmp_path / "two.gz")


def test_a_chunk_does_not_depend_on_the_chunks_before_it() -> None:
    alone = make(Order(seed=7, chunk=1, people=400, events_per_person=9))
    make(Order(seed=7, chunk=0, people=400, events_per_person=9))
    after = make(Order(seed=7, chunk=1, people=400, events_per_person=9))
    for name, table in alone.tables.items():
        assert write.csv_bytes(table) == write.csv_bytes(after.tables[name]), name


def test_another_seed_gives_another_company() -> None:
    seven, eight = (make(Order(seed, 0, 200, 9)).tables["hubspot__contact"] for seed in (7, 8))
    assert write.csv_bytes(seven) != write.csv_bytes(eight)


def test_chunks_share_no_id_and_no_address() -> None:
    first, second = (make(Order(7, chunk, 400, 9)).tables["hubspot__contact"] for chunk in (0, 1))
    for column in ("id", "property_email", "property_user_id"):
        one, other = (set(write.cells(table[column])) - {""} for table in (first, second))
        assert not one & other, column


@pytest.mark.parametrize("events_per_person", [9.0, 40.0, 120.0])
def test_events_meet_the_density_asked_for(events_per_person: float) -> None:
    made = make(Order(7, 0, 2_000, events_per_person)).tables
    events = sum(
        len(made[f"segment__{name}"]["id"].data) for name in ("tracks", "pages", "identifies")
    )
    assert events / 2_000 == pytest.approx(events_per_person, rel=0.1)


# Bad arguments


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"people": 3}, "at least|50"),
        ({"file_format": "xml"}, "csv and parquet"),
        ({"people": 1_000_000}, "parquet"),
        ({"events_per_person": 0.0}, "1 to 1000"),
    ],
)
def test_impossible_orders_are_refused(
    arguments: dict[str, object], says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=says):
        generate(out=tmp_path / "nothing", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "nothing").exists()


def test_command_reports_a_bad_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--people", "3"]) == 2
    assert "--people is 3" in capsys.readouterr().err


# Size and shape


def test_committed_files_stay_small() -> None:
    sizes = [path.stat().st_size for path in SEEDS.glob("*.csv")]
    assert sum(sizes) <= 4_800_000
    assert max(sizes) <= 2_500_000
    assert TRUTH.stat().st_size < 200_000


def test_properties_describe_every_column_in_order() -> None:
    properties = yaml.safe_load((SEEDS / "_demo__seeds.yml").read_text())["seeds"]
    assert {seed["name"] for seed in properties} == {path.stem for path in SEEDS.glob("*.csv")}
    for seed in properties:
        header = (SEEDS / f"{seed['name']}.csv").open().readline().strip().split(",")
        assert header == [column["name"] for column in seed["columns"]]
        assert header == list(seed["config"]["column_types"])
        assert f"raw_{seed['name'].replace('__', '.')}" == (
            f"{seed['config']['schema']}.{seed['config']['alias']}"
        )


@pytest.mark.parametrize(
    ("counted", "low", "high"),
    [
        ("select count(*) from truth", 2_000, 2_000),
        ("select count(*) from hubspot__company", 120, 200),
        ("select count(*) from hubspot__contact", 1_900, 2_050),
        ("select count(distinct user_id) from segment__identifies", 1_000, 1_300),
        ("select count(*) from stripe__customer", 550, 700),
        ("select count(*) from zendesk__ticket", 800, 1_000),
        ("select count(*) from generic__survey_responses where kind = 'nps'", 300, 600),
        ("select count(*) from hubspot__company where property_numberofemployees > 500", 1, 4),
        ("select max(n) from (select count(*) n from truth group by account_id"
         " having account_id is not null)", 30, 40),
    ],
)  # fmt: skip
def test_sizes(db: duckdb.DuckDBPyConnection, counted: str, low: int, high: int) -> None:
    assert low <= value(db, counted) <= high


@pytest.mark.parametrize("band", [(1, 10), (11, 50), (51, 200), (201, 500), (501, 100_000)])
def test_every_band_of_company_size_occurs(
    db: duckdb.DuckDBPyConnection, band: tuple[int, int]
) -> None:
    where = f"property_numberofemployees between {band[0]} and {band[1]}"
    assert value(db, f"select count(*) from hubspot__company where {where}") > 0


# References

REFERENCES = [
    "hubspot__contact.property_associatedcompanyid > hubspot__company.id",
    "hubspot__deal.deal_pipeline_stage_id > hubspot__deal_pipeline_stage.stage_id",
    "hubspot__deal_contact.deal_id > hubspot__deal.deal_id",
    "hubspot__deal_contact.contact_id > hubspot__contact.id",
    "hubspot__deal_company.deal_id > hubspot__deal.deal_id",
    "hubspot__deal_company.company_id > hubspot__company.id",
    "stripe__price.product_id > stripe__product.id",
    "stripe__plan.product_id > stripe__product.id",
    "stripe__plan.id > stripe__price.id",
    "stripe__subscription_history.customer_id > stripe__customer.id",
    "stripe__subscription_item.subscription_id > stripe__subscription_history.id",
    "stripe__subscription_history.id > stripe__subscription_item.subscription_id",
    "stripe__subscription_item.plan_id > stripe__plan.id",
    "stripe__invoice.customer_id > stripe__customer.id",
    "stripe__invoice.subscription_id > stripe__subscription_history.id",
    "stripe__invoice.id > stripe__invoice_line_item.invoice_id",
    "stripe__invoice_line_item.invoice_id > stripe__invoice.id",
    "stripe__invoice_line_item.subscription_item_id > stripe__subscription_item.id",
    "stripe__invoice_line_item.plan_id > stripe__plan.id",
    "stripe__charge.customer_id > stripe__customer.id",
    "stripe__charge.invoice_id > stripe__invoice.id",
    "stripe__refund.charge_id > stripe__charge.id",
    "stripe__credit_note.invoice_id > stripe__invoice.id",
    "segment__tracks.user_id > segment__identifies.user_id",
    "segment__pages.user_id > segment__identifies.user_id",
    "segment__tracks.context_group_id > hubspot__company.id",
    "zendesk__ticket.requester_id > zendesk__user.id",
    "zendesk__ticket_tag.ticket_id > zendesk__ticket.id",
    "zendesk__ticket_field_history.ticket_id > zendesk__ticket.id",
    "zendesk__ticket_field_history.user_id > zendesk__user.id",
    "zendesk__ticket_comment.ticket_id > zendesk__ticket.id",
    "zendesk__ticket_comment.user_id > zendesk__user.id",
    "zendesk__satisfaction_rating.ticket_id > zendesk__ticket.id",
    "generic__survey_responses.contact_id > hubspot__contact.id",
    "generic__survey_responses.account_id > hubspot__company.id",
    "hubspot__contact.property_user_id > truth.user_id",
    "segment__identifies.user_id > truth.user_id",
    "stripe__customer.id > truth.billing_customer_id",
    "generic__enrichment.domain > hubspot__company.property_domain",
]


@pytest.mark.parametrize("reference", REFERENCES)
def test_references_lead_somewhere(db: duckdb.DuckDBPyConnection, reference: str) -> None:
    source, target = reference.split(" > ")
    table, column = source.split(".")
    other, key = target.split(".")
    if reference.startswith("generic__enrichment"):
        other = "(select replace(split_part(email, '@', 2), ' ', '') as property_domain from truth)"
    known = f"select {key} from {other} where {key} is not null"
    lost = f"{column} is not null and {column} not in ({known})"
    assert value(db, f"select count(*) from {table} where {column} is not null") > 0
    assert value(db, f"select count(*) from {table} where {lost}") == 0


@pytest.mark.parametrize(
    "key",
    ["hubspot__contact.id", "hubspot__company.id", "hubspot__deal.deal_id", "stripe__customer.id",
     "stripe__invoice.id", "stripe__invoice_line_item.id", "stripe__charge.id", "stripe__refund.id",
     "stripe__credit_note.id", "stripe__subscription_item.id", "segment__identifies.id",
     "zendesk__ticket.id", "zendesk__user.id", "zendesk__ticket_comment.id",
     "generic__survey_responses.response_id", "truth.person", "truth.email"],
)  # fmt: skip
def test_keys_are_unique(db: duckdb.DuckDBPyConnection, key: str) -> None:
    table, column = key.split(".")
    assert value(db, f"select count(*) - count(distinct {column}) from {table}") == 0


@pytest.mark.parametrize(
    ("table", "column"),
    [("hubspot__contact", "property_email"), ("stripe__customer", "email"),
     ("segment__identifies", "email"), ("generic__survey_responses", "email"),
     ("generic__manual_overrides", "email"), ("generic__suppressions", "email"),
     ("hubspot__email_subscription_change", "recipient"),
     ("generic__enrichment", "email")],
)  # fmt: skip
def test_every_address_belongs_to_one_person(
    db: duckdb.DuckDBPyConnection, table: str, column: str
) -> None:
    owners = f"select 1 from person_email where email = {ADDRESS.format(column)}"
    stray = f"select count(*) from {table} where {column} is not null and not exists ({owners})"
    assert value(db, stray) == 0
    assert value(db, "select max(n) from (select count(*) n from person_email group by email)") == 1


@pytest.mark.parametrize(
    "column", ["hubspot__contact.property_email", "stripe__customer.email", "zendesk__user.email"]
)
def test_addresses_cannot_reach_anybody(db: duckdb.DuckDBPyConnection, column: str) -> None:
    table, email = column.split(".")
    reserved = r"@([a-z0-9]+\.example|example\.com|tallyworks\.test)$"
    found = f"not regexp_matches({ADDRESS.format(email)}, '{reserved}')"
    assert value(db, f"select count(*) from {table} where {found}") == 0


# Consistency: each query lists rows that must not exist

CONTRADICTIONS = {
    "lines sum to the subtotal": """
        select i.id from stripe__invoice i join stripe__invoice_line_item l on l.invoice_id = i.id
        group by i.id, i.subtotal having sum(l.amount) <> i.subtotal""",
    "total is subtotal and tax": "from stripe__invoice where total <> subtotal + tax",
    "paid invoices were paid in full": """
        from stripe__invoice i where paid and total > 0 and total <> (
            select coalesce(sum(amount), 0) from stripe__charge c
            where c.invoice_id = i.id and c.status = 'succeeded')""",
    "only paid invoices have succeeded charges": """
        from stripe__charge c join stripe__invoice i on i.id = c.invoice_id
        where c.status = 'succeeded' and i.status <> 'paid'""",
    "status and flag agree": "from stripe__invoice where paid <> (status = 'paid')",
    "refunds stay below their charge": """
        select c.id from stripe__refund r join stripe__charge c on c.id = r.charge_id
        group by c.id, c.amount having sum(r.amount) > c.amount""",
    "no invoice is both refunded and credited": """
        from stripe__credit_note n join stripe__charge c on c.invoice_id = n.invoice_id
        join stripe__refund r on r.charge_id = c.id""",
    "credit notes stay below their invoice": """
        from stripe__credit_note n join stripe__invoice i on i.id = n.invoice_id
        where n.total > i.total or n.created < i.created""",
    "customers pay in one currency": """
        select customer_id from (select customer_id, currency from stripe__invoice
        union select id, currency from stripe__customer) group by 1 having count(*) > 1""",
    "one version is current": """
        select id from stripe__subscription_history group by id
        having count(*) filter (where _fivetran_active) <> 1""",
    "versions follow each other": """
        from (select *, lead(_fivetran_start) over (partition by id order by _fivetran_start) n
              from stripe__subscription_history)
        where (n is null) <> _fivetran_active
           or (n is not null and _fivetran_end + interval 1 second <> n)
           or _fivetran_end < _fivetran_start""",
    "what ended says when": """
        from stripe__subscription_history
        where (status = 'canceled') <> (ended_at is not null) or ended_at > _fivetran_start""",
    "trials come first": """
        from stripe__subscription_history
        where status = 'trialing' and _fivetran_start <> trial_start""",
    "versions lie in their period": """
        from stripe__subscription_history where _fivetran_start < current_period_start
           or (status = 'active' and _fivetran_start >= current_period_end)""",
    "items are what was billed last": """
        select * from stripe__subscription_item s join (
            select l.subscription_id, arg_max(l.plan_id, l.period_start) p,
                   arg_max(l.quantity, l.period_start) q
            from stripe__invoice_line_item l where not l.proration group by 1) b
        on b.subscription_id = s.id or b.subscription_id = s.subscription_id
        where b.p <> s.plan_id or b.q <> s.quantity""",
    "prices are multiplied by seats": """
        from stripe__invoice_line_item l join stripe__plan p on p.id = l.plan_id
        where not l.proration and l.description <> 'Trial' and l.amount <> l.quantity * p.amount""",
    "nobody acts before signing up": """
        from segment__tracks t join (select user_id, min("timestamp") s from segment__identifies
        group by 1) i using (user_id) where t."timestamp" < i.s""",
    "events arrive after they happen": """
        select id from (select id, received_at, "timestamp" from segment__tracks
        union all select id, received_at, "timestamp" from segment__pages)
        where received_at < "timestamp" """,
    "tickets stand where their history left them": """
        from zendesk__ticket t join (select ticket_id, arg_max("value", updated) v, max(updated) u
        from zendesk__ticket_field_history group by 1) h on h.ticket_id = t.id
        where h.v <> t.status or h.u <> t.updated_at""",
    "tickets begin as new": """
        from zendesk__ticket t join (select ticket_id, arg_min("value", updated) v, min(updated) u
        from zendesk__ticket_field_history group by 1) h on h.ticket_id = t.id
        where h.v <> 'new' or h.u <> t.created_at""",
    "scores have their scale": """
        from generic__survey_responses where (kind = 'nps' and score not between 0 and 10)
        or (kind = 'csat' and score not between 1 and 5)
        or (kind in ('nps', 'csat')) <> (score is not null)
        or (kind in ('nps', 'csat')) <> (answer is null)""",
    "responses name a person": """
        from generic__survey_responses where contact_id is null and email is null""",
    "contacts change after they are created": """
        from hubspot__contact where property_lastmodifieddate < property_createdate
        or _fivetran_synced < property_lastmodifieddate""",
    "won deals are with paying accounts": """
        from hubspot__deal d join hubspot__deal_company dc using (deal_id)
        where d.deal_pipeline_stage_id = 'closedwon' and not exists (
            select 1 from truth t join stripe__invoice i on i.customer_id = t.billing_customer_id
            where t.account_id = dc.company_id and i.total > 0)""",
}


@pytest.mark.parametrize("rule", CONTRADICTIONS)
def test_nothing_contradicts(db: duckdb.DuckDBPyConnection, rule: str) -> None:
    assert db.execute(CONTRADICTIONS[rule]).fetchall() == []


AHEAD = {"current_period_end", "trial_end", "cancel_at", "period_end", "until", "_fivetran_end"}


def test_everything_happens_inside_the_window(db: duckdb.DuckDBPyConnection) -> None:
    columns = db.execute(
        "select table_name, column_name from information_schema.columns"
        " where data_type = 'TIMESTAMP'"
    ).fetchall()
    assert len(columns) > 50
    for table, column in columns:
        if column not in AHEAD:
            outside = f"\"{column}\" not between '{WINDOW[0]}' and '{WINDOW[1]}'"
            assert value(db, f"select count(*) from {table} where {outside}") == 0, (table, column)


# Dirt, on purpose

DIRT = {
    "contacts of one person twice": (
        "select count(*) from (select 1 from hubspot__contact where property_email is not null"
        f" group by {ADDRESS.format('property_email')} having count(*) > 1)", 20, 80),
    "contacts without an address": (
        "select count(*) from hubspot__contact where property_email is null", 10, 60),
    "contacts spelled with capitals or spaces": (
        "select count(*) from hubspot__contact where property_email"
        f" <> {ADDRESS.format('property_email')}", 100, 400),
    "users without a contact": (
        "select count(*) from truth where user_id is not null and contact_id is null", 20, 120),
    "Stripe customers without a contact": (
        "select count(*) from truth where billing_customer_id is not null and contact_id is null",
        10, 80),
    "Stripe customers without a user": (
        "select count(*) from truth where billing_customer_id is not null and user_id is null",
        1, 20),
    "Stripe customers without metadata": (
        "select count(*) from stripe__customer where metadata = '{}'", 30, 120),
    "Stripe customers under another address": (
        "select count(*) from stripe__customer c join truth t on t.billing_customer_id = c.id"
        f" where {ADDRESS.format('c.email')} = t.other_emails", 20, 90),
    "Stripe customers spelled with capitals or spaces": (
        "select count(*) from stripe__customer where email <> lower(trim(email))", 60, 200),
    "Zendesk users under another address": (
        "select count(*) from zendesk__user z join truth t on t.zendesk_user_id = z.id"
        f" where {ADDRESS.format('z.email')} = t.other_emails", 5, 50),
    "test accounts": ("select count(*) from truth where is_test = 'true'", 10, 40),
    "late events": (
        "select count(*) from segment__tracks where received_at > \"timestamp\" + interval 1 hour",
        100, 400),
    "events delivered twice": (
        "select count(*) from (select id from segment__tracks group by id having count(*) > 1)",
        10, 100),
    "people on one computer": (
        "select count(*) from truth where shares_anonymous_id = 'true'", 2, 2),
    "users who browsed before they signed up": (
        "select count(distinct i.user_id) from segment__identifies i join segment__pages p"
        " on p.anonymous_id = i.anonymous_id and p.user_id is null"
        ' and p."timestamp" < i."timestamp"',
        300, 900),
    "users on two devices": (
        "select count(*) from truth where anonymous_ids like '%;%'", 50, 300),
    "events without a user": (
        "select count(*) from segment__tracks where user_id is null", 150, 700),
    "failed payments": ("select count(*) from stripe__charge where status = 'failed'", 100, 500),
    "failed payments that were recovered": (
        "select count(distinct f.invoice_id) from stripe__charge f join stripe__charge s"
        " on s.invoice_id = f.invoice_id and s.status = 'succeeded' where f.status = 'failed'",
        30, 300),
    "invoices given up": (
        "select count(*) from stripe__invoice where status = 'uncollectible'", 10, 120),
    "invoices void": ("select count(*) from stripe__invoice where status = 'void'", 3, 50),
    "refunds": ("select count(*) from stripe__refund where status = 'succeeded'", 10, 120),
    "credit notes": ("select count(*) from stripe__credit_note where status = 'issued'", 10, 120),
    "void credit notes": ("select count(*) from stripe__credit_note where status = 'void'", 1, 20),
    "currencies": ("select count(distinct currency) from stripe__invoice where paid", 4, 4),
    "customers with two subscriptions at once": (
        "select count(distinct a.customer_id) from stripe__subscription_history a"
        " join stripe__subscription_history b on a.customer_id = b.customer_id and a.id < b.id"
        " where a._fivetran_active and b._fivetran_active and b.created > a.created"
        " and b.created < coalesce(a.ended_at, '2026-07-01')", 3, 40),
    "customers who came back": (
        "select count(distinct a.customer_id) from stripe__subscription_history a"
        " join stripe__subscription_history b on a.customer_id = b.customer_id"
        " where a._fivetran_active and b.created > a.ended_at", 30, 200),
    "trials that end after the data": (
        "select count(*) from stripe__subscription_history where _fivetran_active"
        " and status = 'trialing' and trial_end >= '2026-07-01'", 5, 40),
    "cancellations that lie ahead": (
        "select count(*) from stripe__subscription_history where _fivetran_active"
        " and status = 'active' and cancel_at >= '2026-07-01'", 5, 80),
    "payments past due": (
        "select count(*) from stripe__subscription_history where _fivetran_active"
        " and status in ('past_due', 'unpaid')", 3, 40),
    "people who opted out": (
        "select count(distinct lower(recipient)) from hubspot__email_subscription_change"
        " where change = 'UNSUBSCRIBED'", 190, 290),
    "people who opted in again": (
        "select count(*) from hubspot__email_subscription_change o"
        " join hubspot__email_subscription_change i on lower(i.recipient) = lower(o.recipient)"
        " and i.change = 'SUBSCRIBED' and o.change = 'UNSUBSCRIBED'"
        ' and i."timestamp" > o."timestamp"', 10, 60),
    "time zones": ("select count(distinct property_hs_timezone) from hubspot__contact", 8, 20),
    "spellings of countries": (
        "select count(distinct property_country) from hubspot__contact", 15, 40),
    "users whose imports keep failing": (
        "select count(distinct user_id) from (select user_id, \"timestamp\" - lag(\"timestamp\")"
        " over (partition by user_id order by \"timestamp\") gap from segment__tracks"
        " where event = 'import_failed') where gap < interval 7 day", 10, 100),
}  # fmt: skip


@pytest.mark.parametrize("kind", DIRT)
def test_dirt_is_there(db: duckdb.DuckDBPyConnection, kind: str) -> None:
    sql, low, high = DIRT[kind]
    assert low <= value(db, sql) <= high


def test_phone_numbers_are_fictional_and_of_one_person(db: duckdb.DuckDBPyConnection) -> None:
    phones = "select regexp_replace(property_phone, '[^0-9]', '', 'g') p from hubspot__contact"
    real = "not regexp_matches(p, '^1[0-9]{3}55501[0-9]{2}$')"
    assert value(db, f"select count(p) - count(distinct p) from ({phones})") == 0
    assert value(db, f"select count(*) from ({phones}) where {real}") == 0


# Hidden states shape what the tables show


def by_state(db: duckdb.DuckDBPyConnection, sql: str) -> dict[str, float]:
    """Letter of the state in the month of an event, and a number."""
    return {letter: float(number) for letter, number in db.execute(sql).fetchall()}


MONTH_STATE = "substr(t.states, datediff('month', date '2025-01-01', cast({} as date)) + 1, 1)"


@pytest.mark.parametrize("kind", ["nps", "csat"])
def test_scores_follow_the_state(db: duckdb.DuckDBPyConnection, kind: str) -> None:
    mean = by_state(
        db,
        f"select {MONTH_STATE.format('r.responded_at')}, avg(r.score)"
        " from generic__survey_responses r join person_email e on e.email = lower(trim(r.email))"
        f" join truth t on t.person = e.person where r.kind = '{kind}' group by 1",
    )
    assert mean["g"] > mean["a"] > mean["r"]
    assert mean["g"] - mean["r"] > 1


def test_use_follows_the_state(db: duckdb.DuckDBPyConnection) -> None:
    active_days = by_state(
        db,
        'select substr(t.states, 18, 1), count(distinct (e.user_id, cast(e."timestamp" as date)))'
        " / count(distinct t.user_id) from truth t left join segment__tracks e"
        " on e.user_id = t.user_id and e.\"timestamp\" >= '2026-06-24'"
        " where t.user_id is not null group by 1",
    )
    assert active_days["g"] > 1.5 * active_days["a"] > 2 * active_days["r"] > active_days["c"]


def test_trouble_follows_the_state(db: duckdb.DuckDBPyConnection) -> None:
    share_failed = by_state(
        db,
        f"select {MONTH_STATE.format('c.created')}, avg(cast(c.status = 'failed' as int))"
        " from stripe__charge c join truth t on t.billing_customer_id = c.customer_id group by 1",
    )
    tickets = by_state(
        db,
        f"select {MONTH_STATE.format('z.created_at')}, count(*) from zendesk__ticket z"
        " join truth t on t.zendesk_user_id = z.requester_id group by 1",
    )
    months = by_state(
        db,
        "select letter, count(*) from"
        " (select unnest(string_split(states, '')) letter from truth) group by 1",
    )
    assert share_failed["r"] > 2 * share_failed["g"]
    assert tickets["r"] / months["r"] > 2 * tickets["g"] / months["g"]


def test_who_pays_follows_the_state(db: duckdb.DuckDBPyConnection) -> None:
    paying = by_state(
        db,
        "select substr(t.states, 18, 1), avg(cast(s.status in ('active', 'past_due') as int))"
        " from truth t join stripe__subscription_history s on s.customer_id = t.billing_customer_id"
        " where s._fivetran_active group by 1",
    )
    assert min(paying["a"], paying["g"], paying["r"]) > 0.6
    assert paying["c"] < 0.2


@pytest.mark.parametrize(
    ("window", "days", "people"), [("2026-06-24", 4, 60), ("2026-06-03", 1, 300)]
)
def test_recent_weeks_are_dense(
    db: duckdb.DuckDBPyConnection, window: str, days: int, people: int
) -> None:
    active = (
        "select user_id from segment__tracks where user_id is not null"
        f" and \"timestamp\" >= '{window}'"
        f' group by 1 having count(distinct cast("timestamp" as date)) >= {days}'
    )
    assert value(db, f"select count(*) from ({active})") >= people
